import { asRecord, parseJson } from './directory.ts';
import type { FailureKind } from './failure.ts';
import { emptyRecord, type HostRecord } from './host-record.ts';
import type { Challenge, ChallengeType } from './ports.ts';

/** A host's record as it is on disk. It holds the key of a certificate to be: its file is the owner's alone. */
export const encodeRecord = (record: HostRecord): string =>
  `${JSON.stringify({ version: 1, ...record }, undefined, 2)}\n`;

/** Throws when the text is none of ours. A field of a wrong type becomes what a new record has. */
export const decodeRecord = (text: string): HostRecord => {
  const fields = asRecord(parseJson(text));
  if (fields['version'] !== 1) throw new Error('not a record of this version');
  return {
    failures: count(fields['failures']),
    validationFailures: count(fields['validationFailures']),
    isRehearsed: fields['isRehearsed'] === true,
    nextTryAt: timeOf(fields['nextTryAt']),
    lastFailure: failureIn(fields['lastFailure']),
    order: orderIn(fields['order']),
    window: windowIn(fields['window']),
    nextWindowCheckAt: timeOf(fields['nextWindowCheckAt']),
    isForced: fields['isForced'] === true,
    configuration: textOf(fields['configuration']),
    shown: shownIn(fields['shown']),
    warning: textOf(fields['warning']),
    unmanagedSince: timeOf(fields['unmanagedSince']),
  };
};

const kinds: readonly FailureKind[] = ['rate-limited', 'refused', 'validation', 'server', 'local'];
const challenges: readonly ChallengeType[] = ['http-01', 'dns-01', 'tls-alpn-01'];

const failureIn = (value: unknown): HostRecord['lastFailure'] => {
  const { kind, type, detail, at, retryAt } = asRecord(value);
  const known = kinds.find((one) => one === kind);
  const when = timeOf(at);
  if (known === undefined || typeof type !== 'string' || typeof detail !== 'string' || when === undefined)
    return emptyRecord.lastFailure;
  return { kind: known, type, detail, at: when, retryAt: timeOf(retryAt) };
};

const orderIn = (value: unknown): HostRecord['order'] => {
  const { url, keyPem, startedAt, challenge, nextLookAt, isRehearsal } = asRecord(value);
  const type = challenges.find((one) => one === challenge);
  const started = timeOf(startedAt);
  if (typeof url !== 'string' || !URL.canParse(url) || typeof keyPem !== 'string') return undefined;
  if (type === undefined || started === undefined) return undefined;
  const isRehearsing = isRehearsal === true;
  return {
    url,
    keyPem,
    startedAt: started,
    challenge: type,
    nextLookAt: timeOf(nextLookAt) ?? 0,
    isRehearsal: isRehearsing,
  };
};

const shownIn = (value: unknown): readonly Challenge[] =>
  (Array.isArray(value) ? value : []).flatMap((one: unknown): readonly Challenge[] => {
    const { type, name, token, keyAuthorization } = asRecord(one);
    const known = challenges.find((challenge) => challenge === type);
    if (known === undefined || typeof name !== 'string' || typeof token !== 'string') return [];
    return typeof keyAuthorization === 'string' ? [{ type: known, name, token, keyAuthorization }] : [];
  });

const windowIn = (value: unknown): HostRecord['window'] => {
  const fields = asRecord(value);
  const [start, end, chosenAt] = [timeOf(fields['start']), timeOf(fields['end']), timeOf(fields['chosenAt'])];
  if (start === undefined || end === undefined || chosenAt === undefined) return undefined;
  return { start, end, chosenAt, explanationUrl: textOf(fields['explanationUrl']) };
};

const count = (value: unknown): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : 0;
const timeOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
