import { stepId } from './chain.ts';
import { holdersOf } from './claims.ts';
import { sorted } from './dependencies.ts';
import type { ActionKind, ActionOf, DesiredService, Plannable, Step } from './model.ts';
import { push } from './push.ts';
import { isUp, type Seen } from './seen.ts';
import type { SlotPlan } from './slot.ts';

/** What became of a service in this plan, as those that depend on it see it. */
export interface Outcome {
  /** Ids of the steps after which it is ready; none when this plan does not bring it up. */
  readonly ready: readonly string[];
  /** After "waits for": why dependants cannot go on; `undefined` when they may. */
  readonly holds: string | undefined;
}

export interface Surroundings<S extends Plannable> {
  readonly everyone: ReadonlyMap<string, DesiredService<S>>;
  /** Who depends on a service, by its name. */
  readonly dependants: ReadonlyMap<string, readonly string[]>;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly unsettled: ReadonlySet<string>;
  readonly seen: Seen;
  /** Ids of the steps that take away what nobody desires. */
  readonly ending: ReadonlySet<string>;
  isInScope(name: string): boolean;
}

/** A service waits: for steps of this plan, or for others altogether. */
export type Wait<S extends Plannable> =
  | { readonly kind: 'steps'; readonly after: readonly string[]; readonly gates: readonly Step<S>[] }
  | { readonly kind: 'held'; readonly reasons: readonly string[]; readonly for: readonly string[] };

const nothing = { kind: 'steps', after: [], gates: [] } as const;

/** What a service must wait for before its first step that starts or stops something. */
export const waitOf = <S extends Plannable>(
  service: DesiredService<S>,
  slots: readonly SlotPlan<S>[],
  around: Surroundings<S>,
): Wait<S> => {
  const has = (kind: ActionKind): boolean => slots.some(({ actions }) => actions.some((a) => a.kind === kind));
  if (service.isPaused) return has('stop') ? waitForDependants(service, around) : nothing;
  return has('start') ? waitForDependencies(service, around) : nothing;
};

/** A newcomer starts when all it depends on is ready: brought up in this plan, or asked once more. */
const waitForDependencies = <S extends Plannable>(service: DesiredService<S>, around: Surroundings<S>): Wait<S> => {
  const held = new Map<string, string>();
  const after: string[] = [];
  const gates: Step<S>[] = [];
  for (const name of sorted(service.spec.dependsOn)) {
    const outcome = around.outcomes.get(name);
    const why = outcome === undefined ? holdOfStranger(name, around) : outcome.holds;
    if (why !== undefined) {
      held.set(name, `waits for ${why}`);
      continue;
    }
    const own = outcome?.ready ?? [];
    const dependency = around.everyone.get(name);
    const checks = own.length > 0 || dependency === undefined ? [] : readyChecks(dependency, service, around.seen);
    if (own.length === 0 && checks.length === 0)
      held.set(name, `waits for ${name}, which does not run (deploy it as well)`);
    after.push(...own, ...checks.map((s) => s.id));
    gates.push(...checks);
  }
  for (const holder of holdersOf(service, around)) {
    const ends = holder.instances.map(({ key }) => `${key} stop`);
    if (ends.every((id) => around.ending.has(id))) after.push(...ends);
    else held.set(holder.service, `waits for ${holder.service}, which still has ${holder.what}`);
  }
  return held.size > 0
    ? { kind: 'held', reasons: [...held.values()], for: [...held.keys()] }
    : { kind: 'steps', after, gates };
};

/** A dependency outside this plan may be on its way, up or down. */
const holdOfStranger = <S extends Plannable>(name: string, around: Surroundings<S>): string | undefined => {
  if (around.everyone.get(name)?.isPaused === true) return `${name}, which is stopped`;
  return around.unsettled.has(name) ? `${name}, which is being changed` : undefined;
};

/** What is stopped by request stops dependants first: a database goes when nobody asks it any more. */
const waitForDependants = <S extends Plannable>(service: DesiredService<S>, around: Surroundings<S>): Wait<S> => {
  const others = (around.dependants.get(service.spec.name) ?? []).filter(
    (name) =>
      around.everyone.get(name)?.isPaused === true && !around.isInScope(name) && around.seen.of(name).some(isUp),
  );
  return others.length === 0
    ? nothing
    : { kind: 'held', reasons: others.map((name) => `waits for ${name} to stop`), for: others };
};

/** What dependants of a service come after; see `Outcome`. */
export const readyAfter = <S extends Plannable>(steps: readonly Step<S>[]): readonly string[] => {
  const ids: string[] = [];
  for (const { id, action } of steps)
    if (action.kind === 'awaitReady' || action.kind === 'route' || action.kind === 'commit') ids.push(id);
  return ids;
};

/** Why dependants of a service cannot go on, after its slots were decided; see `Outcome`. */
export const holdsOthers = <S extends Plannable>(
  service: DesiredService<S>,
  slots: readonly SlotPlan<S>[],
  reasons: readonly string[],
): string | undefined => {
  const { name } = service.spec;
  if (service.isPaused) return `${name}, which is stopped`;
  if (reasons.length > 0) return `${name}, which is blocked: ${reasons.join('; ')}`;
  return slots.some((s) => s.willRun) ? undefined : `${name}, which does not run`;
};

/** Steps of a paused service come after those of its dependants that are paused as well. */
export const stopInOrder = <S extends Plannable>(
  steps: readonly Step<S>[],
  around: Pick<Surroundings<S>, 'everyone' | 'dependants'>,
): readonly Step<S>[] => {
  if (![...around.everyone.values()].some((d) => d.isPaused)) return steps;
  const paused = new Map<string, string[]>();
  for (const { id, action } of steps) {
    if (around.everyone.get(action.service)?.isPaused !== true) continue;
    push(paused, action.service, id);
  }
  return steps.map((step) => {
    const { service } = step.action;
    if (!paused.has(service)) return step;
    const before = (around.dependants.get(service) ?? []).flatMap((name) => paused.get(name) ?? []);
    return { ...step, after: [...step.after, ...before] };
  });
};

/** "It runs" is not "it is ready": what a newcomer depends on is asked once more. */
const readyChecks = <S extends Plannable>(
  dependency: DesiredService<S>,
  dependant: DesiredService<S>,
  seen: Seen,
): readonly Step<S>[] => {
  const { spec } = dependency;
  return seen
    .of(spec.name)
    .filter((i) => i.stage === 'current' && i.status === 'running' && i.slot <= spec.replicas)
    .map(({ key, service }) => {
      const reason = `${dependant.spec.name} depends on it`;
      const action: ActionOf<S> = { kind: 'awaitReady', service, key, spec, isReplacement: false, reason };
      return { id: stepId(action), after: [], action };
    });
};
