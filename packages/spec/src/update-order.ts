import type { ServiceSpec } from './model.ts';

export interface UpdateOrder {
  readonly kind: 'start-first' | 'stop-first';
  /** In words, for the plan. */
  readonly reason: string;
}

/**
 * Whether a new instance starts before the old one stops. First match wins: the user's choice; a host port, which two
 * instances cannot share; a volume or bind mount that is written to, because two writers can destroy it (the writer
 * rarely knows whether it tolerates company, and says so with shared_volume if it does); else start first, so that no
 * request is lost.
 */
export function updateOrderOf(spec: ServiceSpec): UpdateOrder {
  if (spec.deploy.order !== undefined)
    return { kind: spec.deploy.order, reason: `deploy.order asks for ${spec.deploy.order}` };
  const [port] = spec.publishedPorts;
  if (port !== undefined) return { kind: 'stop-first', reason: `host port ${port.hostPort} cannot be shared` };
  const written = spec.sharedVolume === true ? undefined : writtenBy(spec);
  if (written !== undefined) return { kind: 'stop-first', reason: `${written} has one writer at a time` };
  return { kind: 'start-first', reason: 'nothing is shared between old and new' };
}

/** A volume or mount that is written to, in words; `undefined` when there is none. */
export function writtenBy({ volumes, mounts }: Pick<ServiceSpec, 'volumes' | 'mounts'>): string | undefined {
  const volume = volumes.find(({ readOnly }) => !readOnly);
  if (volume !== undefined) return `volume ${volume.source}`;
  const mount = mounts.find(({ readOnly }) => !readOnly);
  return mount === undefined ? undefined : `mount ${mount.target}`;
}
