import { randomUUID } from 'node:crypto';
import type { ServiceSpec } from '@orca/spec';
import { secretNames } from '@orca/spec';
import type { Accepted } from './accepted.ts';
import { digestsOf, isMutable, revisionWith, type Images } from './desired.ts';
import type { AcceptedRecord } from './promised.ts';
import type { SecretAccess } from './secret-access.ts';
import type { SingleFile } from './single-file.ts';
import { staleReason, staleSecrets } from './stale-secrets.ts';

export interface SecretRotationOptions {
  readonly accepted: Accepted;
  readonly secrets: Pick<SecretAccess, 'refresh' | 'digests' | 'hide'>;
  /** The queue of orders: what others ask for is judged, and promised, before this or after it. */
  readonly orders: SingleFile;
  readonly images: Images;
  /** The spec as it was written down, read with the values of today. */
  readonly recorded: (service: string) => Promise<ServiceSpec | undefined>;
  /** Changes whenever the secrets file does; `undefined` when there is none. */
  readonly stamp: () => Promise<string | undefined>;
  /** Told, still in its turn, once it was written down that a service is to be replaced. */
  readonly onRedeploy: (service: string, changed: readonly string[], operation: string) => void;
}

export interface SecretRotation {
  /** Looks whether a secret changed, and replaces the services that asked for it (`auto_redeploy = true`). */
  look(signal: AbortSignal): Promise<void>;
}

/** An engine that does not answer must not keep other orders waiting. */
const longestMs = 60_000;

/**
 * What was deployed is taken as it was, with only its secrets renewed: files that were edited
 * meanwhile wait for their own deploy. Without `auto_redeploy` a changed secret waits as well.
 */
export const createSecretRotation = (o: SecretRotationOptions): SecretRotation => {
  let last: { readonly stamp: string | undefined; readonly users: readonly AcceptedRecord[] } = {
    stamp: undefined,
    users: [],
  };
  return {
    look: async (signal) => {
      const stamp = await o.stamp();
      // A promise that was taken back may be one with older secrets.
      if (stamp === last.stamp && isSame(usersOf(o.accepted), last.users)) return;
      await o.orders.run(async () => {
        await renewAll(o, AbortSignal.any([signal, AbortSignal.timeout(longestMs)]));
        // Only now: what failed half-way is looked at again.
        last = { stamp, users: usersOf(o.accepted) };
      });
    },
  };
};

/** What is to follow its secrets. */
const usersOf = (accepted: Accepted): readonly AcceptedRecord[] =>
  accepted.services().flatMap(({ spec, isPaused }) => {
    const record = spec.autoRedeploy === true && !isPaused ? accepted.get(spec.name) : undefined;
    return record === undefined || secretNames(spec).length === 0 ? [] : [record];
  });

const isSame = (some: readonly unknown[], others: readonly unknown[]): boolean =>
  some.length === others.length && some.every((one, index) => one === others[index]);

const renewAll = async (o: SecretRotationOptions, signal: AbortSignal): Promise<void> => {
  await o.secrets.refresh();
  const users = usersOf(o.accepted);
  const digests = await o.secrets.digests([...new Set(users.flatMap(({ spec }) => secretNames(spec)))]);
  for (const record of users) await renew(o, record, digests, signal);
};

const renew = async (
  { accepted, secrets, images, recorded, onRedeploy }: SecretRotationOptions,
  record: AcceptedRecord,
  digests: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> => {
  const changed = staleSecrets(record, digests);
  if (changed.length === 0) return;
  const spec = await specNow(accepted, record, recorded);
  const imageId = isMutable(spec) ? ((await images.imageId(spec.image, signal)) ?? '') : '';
  const secretDigests = digestsOf(spec, digests);
  const generation = accepted.generationOf(spec.name);
  const revision = revisionWith(spec, { imageId, secretDigests, generation }, secrets);
  const operation = randomUUID();
  await accepted.promise((draft) => {
    const what = { spec, revision, secretDigests, imageId: imageId === '' ? undefined : imageId };
    draft.renew({ ...record, ...what, operation, change: staleReason(changed) });
    draft.tryAgain([spec.name]);
  });
  onRedeploy(spec.name, changed, operation);
};

/** Values stand in its text as they were: the record keeps names instead, and gives them back as they are now. */
const specNow = async (
  accepted: Accepted,
  record: AcceptedRecord,
  recorded: SecretRotationOptions['recorded'],
): Promise<ServiceSpec> => {
  if (record.spec.filled === undefined) return record.spec;
  // A way back that could not be written down left there what was called off: it is written now, or not read.
  await accepted.promise((draft) => draft.renew(record));
  return (await recorded(record.spec.name)) ?? record.spec;
};
