import { chain } from './chain.ts';
import { inDependencyOrder } from './dependencies.ts';
import type { ActionOf, Blocked, Instance, InstanceKey, Plan, Plannable, Step } from './model.ts';
import { push } from './push.ts';
import { isUp, type Seen } from './seen.ts';

/** A service that is gone from the config has no grace period of its own any more. */
const defaultGraceMs = 10_000;
const reason = 'is not desired any more';

export interface RemovalInput {
  /** Services that have instances and are desired by nobody. */
  readonly unwanted: readonly string[];
  readonly seen: Seen;
  isInScope(name: string): boolean;
}

/** Takes away instances of services that nobody desires: dependants before what they depend on. Data stays. */
export const planRemoval = <S extends Plannable>(o: RemovalInput): Pick<Plan<S>, 'steps' | 'blocked'> => {
  const graph = new Map(o.unwanted.map((name) => [name, o.seen.of(name).flatMap((i) => i.dependsOn)]));
  const dependants = new Map<string, string[]>();
  for (const [name, on] of graph) for (const other of new Set(on)) push(dependants, other, name);
  const ends = new Map<string, readonly string[]>();
  const steps: Step<S>[] = [];
  const blocked: Blocked[] = [];
  for (const service of inDependencyOrder(graph).toReversed()) {
    if (!o.isInScope(service)) continue;
    const above = (dependants.get(service) ?? []).filter((name) => name !== service);
    const others = above.filter((name) => !o.isInScope(name));
    if (others.length > 0) {
      blocked.push({ service, reasons: others.map((name) => `waits for ${name} to be removed`), waitsFor: others });
      continue;
    }
    const after = above.flatMap((name) => ends.get(name) ?? []);
    const own = o.seen.of(service).map((i) => chain<S>(takeAway(i, o.seen.routed), after));
    ends.set(
      service,
      own.flatMap((c) => c.last),
    );
    steps.push(...own.flatMap((c) => c.steps));
  }
  return { steps, blocked };
};

const takeAway = <S extends Plannable>(i: Instance, routed: ReadonlySet<InstanceKey>): readonly ActionOf<S>[] => {
  const base = { service: i.service, key: i.key, reason };
  return [
    ...(routed.has(i.key) ? [{ kind: 'drain', ...base } as const] : []),
    ...(isUp(i) ? [{ kind: 'stop', ...base, graceMs: defaultGraceMs } as const] : []),
    { kind: 'remove', ...base, what: 'unwanted' },
  ];
};
