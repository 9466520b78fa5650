import { revision, type DesiredService, type Revision } from '@orca/reconcile';
import { claimsOf } from '@orca/runtime-docker';
import { revisionOf, secretNames, updateOrderOf, type Infra, type Issue, type ServiceSpec } from '@orca/spec';
import { loadInfra, type LoadedInfra } from '@orca/spec/files';
import { secretsFault, type FileGuards } from './secret-guards.ts';
import type { SecretAccess } from './secret-access.ts';

/** What a look at the images tells: ids of those whose tag may move. */
export interface Images {
  /** The local image's id, `undefined` when there is none. */
  imageId(image: string, signal: AbortSignal): Promise<string | undefined>;
}

export interface DesiredPorts {
  readonly root: string;
  readonly secrets: SecretAccess;
  readonly images: Images;
  readonly isPaused: (service: string) => boolean;
  readonly generationOf: (service: string) => number;
  /** Looks for what must not be in the repository, and for secrets files in the wrong place. */
  readonly guards: FileGuards;
}

/** A service as it should be, with digests of the secrets that are in it. */
export interface Service extends DesiredService<ServiceSpec> {
  readonly secretDigests: Readonly<Record<string, string>>;
  readonly imageId: string | undefined;
}

export type Desired =
  | { readonly ok: false; readonly issues: readonly Issue[] }
  | {
      readonly ok: true;
      readonly infra: Infra;
      readonly services: readonly Service[];
      readonly warnings: readonly Issue[];
    };

/**
 * Reads the files and everything else that makes a revision. All or nothing: one fault in
 * any file, or one secret that is missing anywhere, and nothing of it is used.
 */
export const loadDesired = async (ports: DesiredPorts, signal: AbortSignal): Promise<Desired> => {
  const { secrets, guards } = ports;
  const fault = await secretsFault(async () => {
    await secrets.refresh();
    await guards.assertNotTracked();
  });
  // Without its secrets a file may still be wrong in other ways: all of it is said at once.
  const loaded = await loadInfra(ports.root, signal, {
    secrets: (names) => (fault === undefined ? secrets.values(names) : Promise.resolve(new Map())),
  });
  const issues = loaded.ok ? loaded.warnings : loaded.issues;
  if (fault !== undefined) return { ok: false, issues: [fault, ...issues] };
  const missing = await missingSecrets(loaded, ports);
  if (!loaded.ok || missing.some(isError)) return { ok: false, issues: [...missing, ...issues] };
  const specs = loaded.value.desired.services;
  secrets.setPublicWords(publicWords(loaded.value));
  const digests = await secrets.digests([...new Set(specs.flatMap(secretNames))]);
  const services = await Promise.all(specs.map((spec) => desire(spec, digests, ports, signal)));
  return { ok: true, infra: loaded.value, services, warnings: [...missing, ...issues] };
};

const isError = ({ severity }: Issue): boolean => severity === 'error';

/** Names that the files give for all to read: a secret with such a value is no secret. */
const publicWords = ({ cluster, desired }: Infra): readonly string[] => [
  cluster.name,
  ...desired.services.flatMap(({ name, project }) => [name, project]),
];

const desire = async (
  spec: ServiceSpec,
  digests: Readonly<Record<string, string>>,
  ports: DesiredPorts,
  signal: AbortSignal,
): Promise<Service> => {
  const imageId = isMutable(spec) ? ((await ports.images.imageId(spec.image, signal)) ?? '') : '';
  const secretDigests = digestsOf(spec, digests);
  const generation = ports.generationOf(spec.name);
  return {
    spec,
    secretDigests,
    imageId: imageId === '' ? undefined : imageId,
    revision: revisionWith(spec, { imageId, secretDigests, generation }, ports.secrets),
    order: updateOrderOf(spec),
    claims: claimsOf(spec),
    isRouted: spec.route !== undefined,
    isPaused: ports.isPaused(spec.name),
    stopGraceMs: spec.stopGraceMs,
  };
};

/** A revision can be read by others: values that became part of the text count by their keyed digests only. */
export const revisionWith = (
  spec: ServiceSpec,
  inputs: Parameters<typeof revisionOf>[1],
  secrets: Pick<SecretAccess, 'hide'>,
): Revision => revision(revisionOf(spec.filled === undefined ? spec : asSpec(secrets.hide(spec, spec.filled)), inputs));

/** Hashed and thrown away: which fields it has is all that matters. */
const asSpec = (hidden: unknown): ServiceSpec => hidden as ServiceSpec;

export const digestsOf = (
  spec: ServiceSpec,
  digests: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    secretNames(spec).flatMap((name) => (Object.hasOwn(digests, name) ? [[name, digests[name] ?? '']] : [])),
  );

/**
 * Whether the image behind the name may change without the text changing. Only then does the
 * image's id belong to the revision: an immutable tag's id is not known before its first pull,
 * and must not make the second deploy look like a change.
 */
export const isMutable = ({ image, pullPolicy }: ServiceSpec): boolean => {
  if (pullPolicy === 'always') return true;
  if (pullPolicy !== 'auto' || image.includes('@')) return false;
  const tag = image.slice(image.lastIndexOf('/') + 1).split(':')[1];
  return tag === undefined || tag === 'latest';
};

const missingSecrets = async (loaded: LoadedInfra, { secrets, guards }: DesiredPorts): Promise<readonly Issue[]> => {
  const names = new Set(await secrets.missing([...new Set(loaded.uses.map(({ name }) => name))]));
  if (names.size === 0) return [];
  return [...loaded.issuesOfMissing(names), ...(await guards.strayWarnings())];
};
