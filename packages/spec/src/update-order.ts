import type { ServiceSpec } from './model.ts';

export interface UpdateOrder {
  readonly kind: 'start-first' | 'stop-first';
  /** In words, for the plan. */
  readonly reason: string;
}

/**
 * Whether a new instance starts before the old one stops. First match wins: the user's choice; a host port, which two
 * instances cannot share; a volume or bind mount that is written to, because two writers can destroy it (the writer
 * rarely knows whether it tolerates company); else start first, so that no request is lost.
 */
export function updateOrderOf(spec: ServiceSpec): UpdateOrder {
  if (spec.deploy.order !== undefined)
    return { kind: spec.deploy.order, reason: `deploy.order asks for ${spec.deploy.order}` };
  const [port] = spec.publishedPorts;
  if (port !== undefined) return { kind: 'stop-first', reason: `host port ${port.hostPort} cannot be shared` };
  const volume = spec.volumes.find(({ readOnly }) => !readOnly);
  if (volume !== undefined) return { kind: 'stop-first', reason: `volume ${volume.source} has one writer at a time` };
  const mount = spec.mounts.find(({ readOnly }) => !readOnly);
  if (mount !== undefined) return { kind: 'stop-first', reason: `mount ${mount.target} has one writer at a time` };
  return { kind: 'start-first', reason: 'nothing is shared between old and new' };
}
