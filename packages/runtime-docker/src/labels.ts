import { instanceKey, type InstanceKey, revision, type Instance } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';
import { encodeLimits, limitsOf } from './limits.ts';
import { networkAliases } from './names.ts';

/** Identity lives in labels: they cannot change after creation, and a name can. */
export const label = {
  managed: 'orca.managed',
  cluster: 'orca.cluster',
  project: 'orca.project',
  service: 'orca.service',
  slot: 'orca.slot',
  revision: 'orca.revision',
  key: 'orca.key',
  dependsOn: 'orca.depends-on',
  network: 'orca.network',
  restart: 'orca.restart',
  /** Memory in bytes and nano-CPUs, 0 for no limit. */
  limits: 'orca.limits',
  /** Names on its network, for the case that somebody disconnects it. */
  aliases: 'orca.aliases',
  /** Present when it is on the network that all projects share. */
  internal: 'orca.internal',
  /** For people: what was behind the image's name when the container was made. Nothing is decided by it. */
  imageDigest: 'orca.image-digest',
  /** For people: the deploy that asked for it, as the log names it. Nothing is decided by it. */
  operation: 'orca.operation',
} as const;

export const labelsOf = (
  spec: ServiceSpec,
  o: {
    readonly cluster: string;
    readonly slot: number;
    readonly revision: string;
    readonly key: InstanceKey;
    readonly network: string;
    readonly imageDigest?: string | undefined;
    readonly operation?: string | undefined;
  },
): Readonly<Record<string, string>> => ({
  [label.managed]: 'true',
  [label.cluster]: o.cluster,
  [label.project]: spec.project,
  [label.service]: spec.name,
  [label.slot]: String(o.slot),
  [label.revision]: o.revision,
  [label.key]: o.key,
  [label.dependsOn]: spec.dependsOn.join(','),
  [label.network]: o.network,
  [label.restart]: formatRestart(spec.restartPolicy),
  [label.limits]: encodeLimits(limitsOf(spec)),
  [label.aliases]: networkAliases(spec).join(','),
  ...(spec.internal === true ? { [label.internal]: 'true' } : {}),
  ...(o.imageDigest === undefined ? {} : { [label.imageDigest]: o.imageDigest }),
  ...(o.operation === undefined ? {} : { [label.operation]: o.operation }),
});

export type Identity = Pick<Instance, 'key' | 'service' | 'slot' | 'revision' | 'dependsOn'> & {
  readonly project: string;
  readonly network: string;
};

/** `undefined` when the labels are not those of an instance. */
export const identityOf = (labels: Readonly<Record<string, string>>): Identity | undefined => {
  const service = labels[label.service];
  const slot = Number(labels[label.slot]);
  const rev = labels[label.revision];
  if (service === undefined || rev === undefined || !Number.isInteger(slot) || slot < 1) return undefined;
  return {
    key: instanceKey(service, slot, revision(rev)),
    service,
    slot,
    revision: revision(rev),
    dependsOn: (labels[label.dependsOn] ?? '').split(',').filter((name) => name !== ''),
    project: labels[label.project] ?? '',
    network: labels[label.network] ?? '',
  };
};

export interface RestartPolicy {
  readonly Name: string;
  readonly MaximumRetryCount: number;
}

const formatRestart = ({ name, maxRetries }: ServiceSpec['restartPolicy']): string => `${name}:${maxRetries}`;

/** The policy a proven instance runs under; a candidate has none, so that no restart of the engine revives it. */
export const restartOf = (labels: Readonly<Record<string, string>>): RestartPolicy => {
  const [name = 'always', retries = '0'] = (labels[label.restart] ?? 'always:0').split(':');
  return { Name: name, MaximumRetryCount: name === 'on-failure' ? Number(retries) || 0 : 0 };
};
