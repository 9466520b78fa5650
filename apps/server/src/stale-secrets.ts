import type { AcceptedRecord } from './promised.ts';

/** Secrets that have another value than when the service was deployed, sorted. Records without digests tell nothing. */
export const staleSecrets = (
  record: Pick<AcceptedRecord, 'secretDigests'> | undefined,
  now: Readonly<Record<string, string>>,
): readonly string[] => {
  const then = record?.secretDigests;
  if (then === undefined) return [];
  return Object.keys(then)
    .filter((name) => now[name] !== undefined && now[name] !== then[name])
    .toSorted();
};

/** Why a service is replaced, for the plan; `undefined` when its secrets are not why. */
export const staleReason = (names: readonly string[]): string | undefined =>
  names.length === 0 ? undefined : `${names.length === 1 ? 'secret' : 'secrets'} ${names.join(', ')} changed`;
