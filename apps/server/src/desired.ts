import type { DesiredService } from '@orca/reconcile';
import { revision } from '@orca/reconcile';
import {
  revisionOf,
  secretNames,
  secretUses,
  updateOrderOf,
  type Infra,
  type Issue,
  type ServiceSpec,
} from '@orca/spec';
import { loadInfra } from '@orca/spec/files';
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
}

export type Desired =
  | { readonly ok: false; readonly issues: readonly Issue[] }
  | {
      readonly ok: true;
      readonly infra: Infra;
      readonly services: readonly DesiredService<ServiceSpec>[];
      readonly warnings: readonly Issue[];
    };

/**
 * Reads the files and everything else that makes a revision. All or nothing: one fault in
 * any file, or one secret that is missing anywhere, and nothing of it is used.
 */
export const loadDesired = async (ports: DesiredPorts, signal: AbortSignal): Promise<Desired> => {
  const parsed = await loadInfra(ports.root, signal);
  if (!parsed.ok) return parsed;
  const specs = parsed.value.desired.services;
  const missing = await missingSecrets(specs, ports.secrets);
  if (missing.length > 0) return { ok: false, issues: [...missing, ...parsed.warnings] };
  const services = await Promise.all(specs.map((spec) => desire(spec, ports, signal)));
  return { ok: true, infra: parsed.value, services, warnings: parsed.warnings };
};

const desire = async (
  spec: ServiceSpec,
  ports: DesiredPorts,
  signal: AbortSignal,
): Promise<DesiredService<ServiceSpec>> => {
  const imageId = isMutable(spec) ? ((await ports.images.imageId(spec.image, signal)) ?? '') : '';
  const secretDigests = await ports.secrets.digests(secretNames(spec));
  return {
    spec,
    revision: revision(revisionOf(spec, { imageId, secretDigests, generation: ports.generationOf(spec.name) })),
    order: updateOrderOf(spec),
    isRouted: spec.route !== undefined,
    isPaused: ports.isPaused(spec.name),
    stopGraceMs: spec.stopGraceMs,
  };
};

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

const missingSecrets = async (specs: readonly ServiceSpec[], secrets: SecretAccess): Promise<readonly Issue[]> => {
  const uses = secretUses(specs);
  const missing = new Set(await secrets.missing([...new Set(uses.map((u) => u.name))]));
  return uses
    .filter((u) => missing.has(u.name))
    .map((u) => ({
      severity: 'error',
      file: u.file,
      line: u.line,
      col: 1,
      path: `${u.service}: ${u.field}`,
      message: `secret ${u.name} is not set; run: orca secrets set ${u.name}`,
    }));
};
