import { chain } from './chain.ts';
import { inDependencyOrder } from './dependencies.ts';
import type { ActionOf, Instance, InstanceKey, Plannable, Step } from './model.ts';

/** A service that is gone from the config has no grace period of its own any more. */
const defaultGraceMs = 10_000;
const reason = 'is not desired any more';

/** Takes away instances of services that nobody desires: dependants before what they depend on. Data stays. */
export const planRemoval = <S extends Plannable>(
  instances: readonly Instance[],
  routed: ReadonlySet<InstanceKey>,
): readonly Step<S>[] => {
  const graph = new Map<string, readonly string[]>();
  for (const i of instances) graph.set(i.service, [...(graph.get(i.service) ?? []), ...i.dependsOn]);
  const ends = new Map<string, string[]>();
  const steps: Step<S>[] = [];
  for (const service of inDependencyOrder(graph).toReversed()) {
    const dependants = [...graph].filter(([, on]) => on.includes(service)).map(([name]) => name);
    const after = dependants.flatMap((name) => ends.get(name) ?? []);
    const own = instances.filter((i) => i.service === service).map((i) => chain<S>(takeAway(i, routed), after));
    ends.set(
      service,
      own.flatMap((c) => c.last),
    );
    steps.push(...own.flatMap((c) => c.steps));
  }
  return steps;
};

const takeAway = <S extends Plannable>(i: Instance, routed: ReadonlySet<InstanceKey>): readonly ActionOf<S>[] => {
  const base = { service: i.service, key: i.key, reason };
  return [
    ...(routed.has(i.key) ? [{ kind: 'drain', ...base } as const] : []),
    ...(i.status === 'running' || i.status === 'paused'
      ? [{ kind: 'stop', ...base, graceMs: defaultGraceMs } as const]
      : []),
    { kind: 'remove', ...base },
  ];
};
