import type { Stage } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';

/** `orca-web`, and `orca-web-2` for the second replica: the name of the proven instance. */
export const stableName = (service: string, slot: number): string =>
  slot === 1 ? `orca-${service}` : `orca-${service}-${slot}`;

export const candidateName = (service: string, slot: number): string => `${stableName(service, slot)}.next`;
export const retiredName = (service: string, slot: number): string => `${stableName(service, slot)}.replaced`;

/** The role that a name gives its container; a name that is none of ours says nothing. */
export const stageOf = (name: string, service: string, slot: number): Stage | undefined => {
  if (name === stableName(service, slot)) return 'current';
  if (name === candidateName(service, slot)) return 'candidate';
  return name === retiredName(service, slot) ? 'retired' : undefined;
};

/** Every name that a service answers to on its network. */
export const networkAliases = ({ name, aliases }: Pick<ServiceSpec, 'name' | 'aliases'>): readonly string[] => [
  ...new Set([name, `orca-${name}`, ...aliases]),
];

/** Where services with `internal = true` meet, whatever their project. */
export const sharedNetwork = 'orca-internal';
