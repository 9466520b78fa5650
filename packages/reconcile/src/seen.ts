import type { Instance, InstanceKey, ObservedState } from './model.ts';

/** What was observed, ready to be asked by service; each service's instances in a fixed order. */
export interface Seen {
  readonly routed: ReadonlySet<InstanceKey>;
  /** Services that have an instance. */
  readonly services: readonly string[];
  of(service: string): readonly Instance[];
  /** Instances that have something for themselves alone, or will when they run. */
  holding(what: string): readonly Instance[];
}

export const seenOf = ({ instances, routed }: Extract<ObservedState, { kind: 'known' }>): Seen => {
  const byService = new Map<string, Instance[]>();
  for (const i of instances) {
    const own = byService.get(i.service);
    if (own === undefined) byService.set(i.service, [i]);
    else own.push(i);
  }
  for (const own of byService.values()) own.sort(inOrder);
  const byHeld = Map.groupBy(
    instances.flatMap((i) => (i.holds ?? []).map((what) => ({ what, i }))),
    ({ what }) => what,
  );
  return {
    routed,
    services: [...byService.keys()].toSorted(),
    of: (service) => byService.get(service) ?? [],
    holding: (what) => (byHeld.get(what) ?? []).map(({ i }) => i),
  };
};

/** Whether something of it runs or could at any moment. */
export const isUp = (i: Instance): boolean => i.status === 'running' || i.status === 'paused';

const inOrder = (a: Instance, b: Instance): number =>
  a.slot - b.slot || compare(a.key, b.key) || compare(a.stage, b.stage);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
