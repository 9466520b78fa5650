import { randomUUID } from 'node:crypto';
import type { ServiceSpec } from '@orca/spec';
import { secretNames } from '@orca/spec';
import type { Accepted } from './accepted.ts';
import { digestsOf, isMutable, revisionWith, type Images } from './desired.ts';
import type { AcceptedRecord } from './promised.ts';
import type { SecretAccess } from './secret-access.ts';
import { staleSecrets } from './stale-secrets.ts';

export interface SecretRotationOptions {
  readonly accepted: Accepted;
  readonly secrets: SecretAccess;
  readonly images: Images;
  /** The spec as it was written down, read with the values of today. */
  readonly recorded: (service: string) => Promise<ServiceSpec | undefined>;
  /** Changes whenever the secrets file does; `undefined` when there is none. */
  readonly stamp: () => Promise<string | undefined>;
  /** Asked for once it was written down that a service is to be replaced. */
  readonly onRedeploy: (service: string, changed: readonly string[], operation: string) => void;
}

export interface SecretRotation {
  /** Looks whether a secret changed, and replaces the services that asked for it (`auto_redeploy = true`). */
  look(signal: AbortSignal): Promise<void>;
}

/**
 * What was deployed is taken as it was, with only its secrets renewed: files that were edited
 * meanwhile wait for their own deploy. Without `auto_redeploy` a changed secret waits as well.
 */
export const createSecretRotation = (o: SecretRotationOptions): SecretRotation => {
  let last: string | undefined;
  return {
    look: async (signal) => {
      const stamp = await o.stamp();
      if (stamp === last) return;
      await o.secrets.refresh();
      const records = o.accepted.services().flatMap(({ spec, isPaused }) => {
        const record = spec.autoRedeploy === true && !isPaused ? o.accepted.get(spec.name) : undefined;
        return record === undefined ? [] : [record];
      });
      const digests = await o.secrets.digests([...new Set(records.flatMap(({ spec }) => secretNames(spec)))]);
      for (const record of records) await renew(o, record, digests, signal);
      // Only now: what failed half-way is looked at again.
      last = stamp;
    },
  };
};

const renew = async (
  { accepted, secrets, images, recorded, onRedeploy }: SecretRotationOptions,
  record: AcceptedRecord,
  digests: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> => {
  const changed = staleSecrets(record, digests);
  if (changed.length === 0) return;
  // Values stand in its text as they were: the record keeps names instead, and gives them back as they are now.
  const spec = record.spec.filled === undefined ? record.spec : ((await recorded(record.spec.name)) ?? record.spec);
  const imageId = isMutable(spec) ? ((await images.imageId(spec.image, signal)) ?? '') : '';
  const secretDigests = digestsOf(spec, digests);
  const generation = accepted.generationOf(spec.name);
  const revision = revisionWith(spec, { imageId, secretDigests, generation }, secrets);
  // A deploy that came meanwhile knows more than what was read before it.
  if (accepted.get(spec.name) !== record) return;
  const operation = randomUUID();
  const renewed = { ...record, spec, revision, secretDigests, imageId: imageId === '' ? undefined : imageId };
  await accepted.promise((draft) => {
    draft.accept([{ ...renewed, isPaused: false }], operation);
    draft.tryAgain([spec.name]);
  });
  onRedeploy(spec.name, changed, operation);
};
