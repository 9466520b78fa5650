import type { Instance, InstanceKey, ObservedState } from './model.ts';
import { push } from './push.ts';

/** What was observed, ready to be asked by service; each service's instances in a fixed order. */
export interface Seen {
  readonly routed: ReadonlySet<InstanceKey>;
  /** Services that have an instance, in any order. */
  readonly services: readonly string[];
  of(service: string): readonly Instance[];
  /** Instances that have something for themselves alone, or will when they run. */
  holding(what: string): readonly Instance[];
}

export const seenOf = ({ instances, routed }: Extract<ObservedState, { kind: 'known' }>): Seen => {
  const byService = new Map<string, Instance[]>();
  for (const i of instances) push(byService, i.service, i);
  for (const own of byService.values()) own.sort(inOrder);
  const byHeld = new Map<string, Instance[]>();
  for (const i of instances) for (const what of i.holds ?? []) push(byHeld, what, i);
  return {
    routed,
    services: [...byService.keys()],
    of: (service) => byService.get(service) ?? [],
    holding: (what) => byHeld.get(what) ?? [],
  };
};

/** Whether something of it runs or could at any moment. */
export const isUp = (i: Instance): boolean => i.status === 'running' || i.status === 'paused';

const inOrder = (a: Instance, b: Instance): number =>
  a.slot - b.slot || compare(a.key, b.key) || compare(a.stage, b.stage);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
