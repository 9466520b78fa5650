import { inDependencyOrder, refusals } from './dependencies.ts';
import type { Blocked, DesiredService, Plan, PlanInput, Plannable, Step } from './model.ts';
import { pruneGuard } from './prune-guard.ts';
import { push } from './push.ts';
import { planRemoval } from './removal.ts';
import { seenOf, type Seen } from './seen.ts';
import { blocksOf, linkSlots, planSlots } from './slots.ts';
import { holdsOthers, readyAfter, stopInOrder, waitOf, type Outcome, type Surroundings } from './waiting.ts';

/**
 * Compares what is desired with what was observed and says what to do, step by step. Pure:
 * no clock, no ids of its own, no effects; the same input in any order gives the same plan.
 *
 * An `unknown` observation blocks everything: a failed look is never taken for absence.
 */
export const plan = <S extends Plannable>(input: PlanInput<S>): Plan<S> => {
  const { observed } = input;
  if (observed.kind === 'unknown') return nothingIsKnown(input, observed.reason);
  const seen = seenOf(observed);
  const removed = planRemoved(input, seen);
  const kept = planKept(inOrderOfNames(input), seen, removed.steps);
  return {
    // Not by spreading: a large plan has a hundred thousand steps.
    steps: kept.steps.concat(removed.steps),
    blocked: [...kept.blocked, ...removed.blocked].sort((a, b) => (a.service < b.service ? -1 : 1)),
    unchanged: kept.unchanged,
  };
};

/** Sorted once, here: what is in order already is not sorted again by those who walk it. */
const inOrderOfNames = <S extends Plannable>(input: PlanInput<S>): PlanInput<S> => ({
  ...input,
  desired: input.desired.toSorted((a, b) => (a.spec.name < b.spec.name ? -1 : 1)),
});

const isInScope = <S extends Plannable>({ scope }: PlanInput<S>, name: string): boolean =>
  scope === undefined || scope.has(name);

const nothingIsKnown = <S extends Plannable>(input: PlanInput<S>, reason: string): Plan<S> => {
  const reasons = [`the current state is unknown: ${reason}`];
  const names = input.desired.map((d) => d.spec.name).filter((name) => isInScope(input, name));
  return {
    steps: [],
    blocked: names.toSorted().map((service) => ({ service, reasons, waitsFor: [] })),
    unchanged: [],
  };
};

const planKept = <S extends Plannable>(input: PlanInput<S>, seen: Seen, removals: readonly Step<S>[]): Plan<S> => {
  const graph = new Map<string, readonly string[]>();
  for (const { spec } of input.desired) graph.set(spec.name, spec.dependsOn);
  const refused = refusals(graph);
  const outcomes = new Map<string, Outcome>();
  const around = { ...surroundings(input, seen, outcomes), ending: new Set(removals.map((s) => s.id)) };
  const steps: Step<S>[] = [];
  const blocked: Blocked[] = [];
  const unchanged = new Set<string>();
  const gates = new Map<string, Step<S>>();

  for (const name of inDependencyOrder(graph)) {
    const service = around.everyone.get(name);
    if (service === undefined || !isInScope(input, name)) continue;
    const refusal = refused.get(name);
    if (refusal !== undefined) {
      blocked.push({ service: name, reasons: refusal, waitsFor: [] });
      outcomes.set(name, { ready: [], holds: `${name}, which cannot be deployed` });
      continue;
    }
    const slots = planSlots(service, seen, input.memory);
    const wait = waitOf(service, slots, around);
    const own = wait.kind === 'held' ? [] : linkSlots(service, slots, wait.after, seen);
    const reasons = [...(wait.kind === 'held' ? wait.reasons : []), ...blocksOf(slots)];
    if (wait.kind === 'steps' && own.length > 0) for (const gate of wait.gates) gates.set(gate.id, gate);
    for (const step of own) steps.push(step);
    if (reasons.length > 0) blocked.push({ service: name, reasons, waitsFor: wait.kind === 'held' ? wait.for : [] });
    else if (own.length === 0) unchanged.add(name);
    outcomes.set(name, { ready: readyAfter(own), holds: holdsOthers(service, slots, reasons) });
  }
  return {
    steps: [...gates.values()].concat(stopInOrder(steps, around)),
    blocked,
    unchanged: [...graph.keys()].filter((name) => unchanged.has(name)),
  };
};

const surroundings = <S extends Plannable>(
  input: PlanInput<S>,
  seen: Seen,
  outcomes: ReadonlyMap<string, Outcome>,
): Omit<Surroundings<S>, 'ending'> => {
  const everyone = new Map<string, DesiredService<S>>();
  const dependants = new Map<string, string[]>();
  for (const d of input.desired) {
    everyone.set(d.spec.name, d);
    for (const name of d.spec.dependsOn) push(dependants, name, d.spec.name);
  }
  const unsettled = input.unsettled ?? new Set();
  return { everyone, dependants, outcomes, unsettled, seen, isInScope: (name) => isInScope(input, name) };
};

const planRemoved = <S extends Plannable>(input: PlanInput<S>, seen: Seen): Pick<Plan<S>, 'steps' | 'blocked'> => {
  const wanted = new Set(input.desired.map((d) => d.spec.name));
  const unwanted = seen.services.filter((name) => !wanted.has(name)).toSorted();
  // Judged as a whole, whatever the scope: many small removals are a mass removal too.
  const guarded = input.allowMassRemoval
    ? []
    : pruneGuard({ removed: unwanted, observedCount: seen.services.length, desiredCount: wanted.size });
  if (guarded.length > 0) return { steps: [], blocked: guarded.filter((b) => isInScope(input, b.service)) };
  return planRemoval<S>({ unwanted, seen, isInScope: (name) => isInScope(input, name) });
};
