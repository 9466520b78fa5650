import { chain, stepId, type Chain } from './chain.ts';
import { inDependencyOrder, refusals } from './dependencies.ts';
import type {
  ActionOf,
  Blocked,
  DesiredService,
  Instance,
  ObservedState,
  Plan,
  PlanInput,
  Plannable,
  Step,
} from './model.ts';
import { pruneGuard } from './prune-guard.ts';
import { planRemoval } from './removal.ts';
import { planSlot, retire, type SlotPlan } from './slot.ts';

type Known = Extract<ObservedState, { kind: 'known' }>;

/**
 * Compares what is desired with what was observed and says what to do, step by step. Pure:
 * no clock, no ids of its own, no effects; the same input in any order gives the same plan.
 *
 * An `unknown` observation blocks everything: a failed look is never taken for absence.
 */
export const plan = <S extends Plannable>(input: PlanInput<S>): Plan<S> => {
  const desired = input.desired
    .filter((d) => isInScope(input, d.spec.name))
    .sort((a, b) => (a.spec.name < b.spec.name ? -1 : 1));
  const { observed } = input;
  if (observed.kind === 'unknown') {
    const reasons = [`the current state is unknown: ${observed.reason}`];
    return { steps: [], blocked: desired.map((d) => ({ service: d.spec.name, reasons })), unchanged: [] };
  }
  const kept = planKept(input, desired, observed);
  const removed = planRemoved(input, observed);
  return {
    steps: [...kept.steps, ...removed.steps],
    blocked: [...kept.blocked, ...removed.blocked].sort((a, b) => (a.service < b.service ? -1 : 1)),
    unchanged: [...kept.unchanged].sort(),
  };
};

const isInScope = <S extends Plannable>(input: PlanInput<S>, name: string): boolean =>
  input.scope === undefined || input.scope.has(name);

/** What became of a service in this plan, as those that depend on it see it. */
interface Outcome<S extends Plannable> {
  readonly steps: readonly Step<S>[];
  /** Why dependants must wait for another day; `undefined` when they may go on. */
  readonly holds: string | undefined;
}

const planKept = <S extends Plannable>(
  input: PlanInput<S>,
  desired: readonly DesiredService<S>[],
  observed: Known,
): Plan<S> => {
  const refused = new Map(refusals(input.desired).map((b) => [b.service, b.reasons]));
  const everyone = new Map(input.desired.map((d) => [d.spec.name, d]));
  const inScope = new Set(desired.map((d) => d.spec.name));
  const outcomes = new Map<string, Outcome<S>>();
  const steps: Step<S>[] = [];
  const blocked: Blocked[] = [];
  const unchanged: string[] = [];
  const gates = new Map<string, Step<S>>();

  const order = inDependencyOrder(new Map(input.desired.map((d) => [d.spec.name, d.spec.dependsOn])));
  for (const name of order.filter((n) => inScope.has(n))) {
    const service = everyone.get(name);
    if (service === undefined) continue;
    const refusal = refused.get(name);
    if (refusal !== undefined) {
      blocked.push({ service: name, reasons: refusal });
      outcomes.set(name, { steps: [], holds: `${name} cannot be deployed` });
      continue;
    }
    const slots = planSlots(service, observed, input.memory.quarantined.get(name));
    const wait = waitFor(service, slots, { everyone, inScope, outcomes, observed });
    const own = 'held' in wait ? [] : linkSlots(service, slots, wait.after, observed);
    const reasons = [...('held' in wait ? wait.held : []), ...new Set(slots.flatMap((s) => s.blocked ?? []))];
    if ('gates' in wait && own.length > 0) for (const gate of wait.gates) gates.set(gate.id, gate);
    steps.push(...own);
    if (reasons.length > 0) blocked.push({ service: name, reasons });
    else if (own.length === 0) unchanged.push(name);
    outcomes.set(name, { steps: own, holds: holdsOthers(service, slots, reasons) });
  }
  return { steps: [...gates.values(), ...stopInOrder(steps, everyone)], blocked, unchanged };
};

/** What is stopped by request stops dependants first: a database goes when nobody asks it any more. */
const stopInOrder = <S extends Plannable>(
  steps: readonly Step<S>[],
  everyone: ReadonlyMap<string, DesiredService<S>>,
): readonly Step<S>[] => {
  const pausedSteps = new Map<string, string[]>();
  for (const { id, action } of steps) {
    if (everyone.get(action.service)?.isPaused !== true) continue;
    pausedSteps.set(action.service, [...(pausedSteps.get(action.service) ?? []), id]);
  }
  return steps.map((step) => {
    const { service } = step.action;
    if (!pausedSteps.has(service)) return step;
    const dependants = [...pausedSteps].filter(([name]) => everyone.get(name)?.spec.dependsOn.includes(service));
    return { ...step, after: [...step.after, ...dependants.flatMap(([, ids]) => ids)] };
  });
};

const holdsOthers = <S extends Plannable>(
  service: DesiredService<S>,
  slots: readonly SlotPlan<S>[],
  reasons: readonly string[],
): string | undefined => {
  const { name } = service.spec;
  if (service.isPaused) return `${name} is stopped`;
  if (reasons.length > 0) return `${name} is blocked: ${reasons.join('; ')}`;
  return slots.some((s) => s.willRun) ? undefined : `${name} does not run`;
};

const planSlots = <S extends Plannable>(
  desired: DesiredService<S>,
  observed: Known,
  quarantine: { readonly revision: string; readonly reason: string } | undefined,
): readonly SlotPlan<S>[] =>
  Array.from({ length: desired.spec.replicas }, (_, index) =>
    planSlot({
      desired,
      slot: index + 1,
      instances: instancesOf(observed, desired.spec.name).filter((i) => i.slot === index + 1),
      routed: observed.routed,
      quarantine: quarantine?.revision === desired.revision ? quarantine.reason : undefined,
    }),
  );

const instancesOf = (observed: Known, service: string): readonly Instance[] =>
  observed.instances
    .filter((i) => i.service === service)
    .sort((a, b) => a.slot - b.slot || (a.key < b.key ? -1 : a.key > b.key ? 1 : a.stage < b.stage ? -1 : 1));

/**
 * Links a service's slots: instances are replaced one slot at a time, so that a bad revision
 * costs one replica; and slots beyond the wanted number go last, so that scaling down never
 * leaves fewer running than asked for.
 */
const linkSlots = <S extends Plannable>(
  desired: DesiredService<S>,
  slots: readonly SlotPlan<S>[],
  after: readonly string[],
  observed: Known,
): readonly Step<S>[] => {
  const steps: Step<S>[] = [];
  let previous: readonly string[] = [];
  for (const slot of slots) {
    const link = chainOf(slot);
    steps.push(...gated(link.steps, slot.isReplacement ? [...after, ...previous] : after));
    if (slot.isReplacement) previous = link.last;
  }
  const settled = steps.filter((s) => s.action.kind === 'commit' || s.action.kind === 'route').map((s) => s.id);
  steps.push(...dropSurplus(desired, slots, settled, observed));
  return onceEach(steps);
};

/** A surplus slot may be the only one that still serves: it stays while any wanted slot cannot be brought up. */
const dropSurplus = <S extends Plannable>(
  desired: DesiredService<S>,
  slots: readonly SlotPlan<S>[],
  settled: readonly string[],
  observed: Known,
): readonly Step<S>[] => {
  const { name, replicas } = desired.spec;
  if (slots.some((s) => s.blocked !== undefined)) return [];
  return instancesOf(observed, name)
    .filter((i) => i.slot > replicas)
    .flatMap((surplus) => {
      const reason = `slot ${surplus.slot} is beyond ${replicas} replicas`;
      const actions: ActionOf<S>[] = [
        ...retire({ routed: observed.routed, desired }, surplus, reason),
        { kind: 'remove', service: name, key: surplus.key, reason },
      ];
      return chain(actions, settled).steps;
    });
};

/** The first step that disturbs or starts something waits for the dependencies; fetching and creating need not. */
const gated = <S extends Plannable>(steps: readonly Step<S>[], after: readonly string[]): readonly Step<S>[] => {
  const first = steps.findIndex((s) => s.action.kind !== 'prepare' && s.action.kind !== 'create');
  return steps.map((s, index) => (index === first ? { ...s, after: [...s.after, ...after] } : s));
};

/** One slot's steps. Slots of one service share their `prepare`, so it stands beside the chain, not in it. */
const chainOf = <S extends Plannable>(slot: SlotPlan<S>): Chain<S> => {
  const fetch = chain(slot.actions.filter((a) => a.kind === 'prepare'));
  const rest = chain(slot.actions.filter((a) => a.kind !== 'prepare'));
  const steps = rest.steps.map((s) => (s.action.kind === 'create' ? { ...s, after: [...s.after, ...fetch.last] } : s));
  return { steps: [...fetch.steps, ...steps], last: rest.last };
};

const onceEach = <S extends Plannable>(steps: readonly Step<S>[]): readonly Step<S>[] => {
  const seen = new Set<string>();
  return steps.filter((s) => !seen.has(s.id) && seen.add(s.id));
};

interface Surroundings<S extends Plannable> {
  readonly everyone: ReadonlyMap<string, DesiredService<S>>;
  readonly inScope: ReadonlySet<string>;
  readonly outcomes: ReadonlyMap<string, Outcome<S>>;
  readonly observed: Known;
}

/** What a service must wait for before it starts anything, or why it is held back altogether. */
const waitFor = <S extends Plannable>(
  service: DesiredService<S>,
  slots: readonly SlotPlan<S>[],
  around: Surroundings<S>,
): { readonly after: readonly string[]; readonly gates: readonly Step<S>[] } | { readonly held: readonly string[] } => {
  if (!slots.some((slot) => slot.actions.some((a) => a.kind === 'start'))) return { after: [], gates: [] };
  const held: string[] = [];
  const after: string[] = [];
  const gates: Step<S>[] = [];
  for (const name of [...service.spec.dependsOn].sort()) {
    const outcome = around.outcomes.get(name);
    const dependency = around.everyone.get(name);
    if (outcome?.holds !== undefined) {
      held.push(`waits for ${outcome.holds}`);
      continue;
    }
    const own = (outcome?.steps ?? []).filter((s) => isBringUp(s)).map((s) => s.id);
    const checks =
      own.length > 0 || dependency === undefined ? [] : readyChecks(dependency, service.spec.name, around.observed);
    if (own.length === 0 && checks.length === 0) held.push(`waits for ${name}, which does not run (deploy it as well)`);
    after.push(...own, ...checks.map((s) => s.id));
    gates.push(...checks);
  }
  return held.length > 0 ? { held } : { after, gates };
};

const isBringUp = <S extends Plannable>({ action }: Step<S>): boolean =>
  action.kind === 'awaitReady' || action.kind === 'route' || action.kind === 'commit';

/** "It runs" is not "it is ready": what a newcomer depends on is asked once more. */
const readyChecks = <S extends Plannable>(
  dependency: DesiredService<S>,
  dependant: string,
  observed: Known,
): readonly Step<S>[] =>
  instancesOf(observed, dependency.spec.name)
    .filter((i) => i.stage === 'current' && i.status === 'running' && i.slot <= dependency.spec.replicas)
    .map(({ key, service }) => {
      const { spec } = dependency;
      const action: ActionOf<S> = {
        kind: 'awaitReady',
        service,
        key,
        spec,
        isReplacement: false,
        reason: `${dependant} depends on it`,
      };
      return { id: stepId(action), after: [], action };
    });

const planRemoved = <S extends Plannable>(input: PlanInput<S>, observed: Known): Pick<Plan<S>, 'steps' | 'blocked'> => {
  const wanted = new Set(input.desired.map((d) => d.spec.name));
  const owned = new Set(observed.instances.map((i) => i.service));
  const removed = [...owned].filter((name) => !wanted.has(name) && isInScope(input, name)).sort();
  const guarded = input.allowMassRemoval
    ? []
    : pruneGuard({ removed, observedCount: owned.size, desiredCount: input.desired.length });
  if (guarded.length > 0) return { steps: [], blocked: guarded };
  return {
    steps: planRemoval<S>(
      removed.flatMap((name) => instancesOf(observed, name)),
      observed.routed,
    ),
    blocked: [],
  };
};
