import { chain, type Chain } from './chain.ts';
import type { ActionOf, DesiredService, Instance, Memory, Plannable, Step } from './model.ts';
import type { Seen } from './seen.ts';
import { planSlot, retire, type SlotPlan } from './slot.ts';

/** Decides every slot of one service, each for itself. */
export const planSlots = <S extends Plannable>(
  desired: DesiredService<S>,
  seen: Seen,
  { quarantined, ailing, resting }: Memory,
): readonly SlotPlan<S>[] => {
  const quarantine = quarantined.get(desired.spec.name);
  const bySlot = Map.groupBy(seen.of(desired.spec.name), (i) => i.slot);
  return Array.from({ length: desired.spec.replicas }, (_, index) =>
    planSlot({
      desired,
      slot: index + 1,
      instances: bySlot.get(index + 1) ?? [],
      routed: seen.routed,
      quarantine: quarantine?.revision === desired.revision ? quarantine.reason : undefined,
      ailing,
      resting,
    }),
  );
};

/**
 * Links a service's slots: instances are replaced one slot at a time, so that a bad revision
 * costs one replica; and slots beyond the wanted number go last, so that scaling down never
 * leaves fewer running than asked for.
 */
export const linkSlots = <S extends Plannable>(
  desired: DesiredService<S>,
  slots: readonly SlotPlan<S>[],
  after: readonly string[],
  seen: Seen,
): readonly Step<S>[] => {
  const steps: Step<S>[] = [];
  let previous: readonly string[] = [];
  for (const slot of slots) {
    const link = chainOf(slot);
    steps.push(...gated(link.steps, slot.isDisturbing ? [...after, ...previous] : after));
    if (slot.isDisturbing) previous = link.last;
  }
  steps.push(...dropSurplus(desired, slots, steps, seen));
  return slots.length > 1 ? withOnePrepare(steps) : steps;
};

/** A surplus slot may be the only one that still serves: it stays while any wanted slot cannot be brought up. */
const dropSurplus = <S extends Plannable>(
  desired: DesiredService<S>,
  slots: readonly SlotPlan<S>[],
  steps: readonly Step<S>[],
  seen: Seen,
): readonly Step<S>[] => {
  const { name, replicas } = desired.spec;
  const surplus = seen.of(name).filter((i) => i.slot > replicas);
  if (surplus.length === 0 || slots.some((s) => s.blocked !== undefined)) return [];
  const settled = steps.filter((s) => s.action.kind === 'commit' || s.action.kind === 'route').map((s) => s.id);
  const takeAway = (i: Instance): readonly Step<S>[] => {
    const reason = `slot ${i.slot} is beyond ${replicas} replicas`;
    const actions: readonly ActionOf<S>[] = [
      ...retire({ routed: seen.routed, desired }, i, reason),
      { kind: 'remove', service: name, key: i.key, reason },
    ];
    return chain(actions, settled).steps;
  };
  return surplus.flatMap(takeAway);
};

/** The first step that disturbs or starts something waits for the dependencies; fetching and creating need not. */
const gated = <S extends Plannable>(steps: readonly Step<S>[], after: readonly string[]): readonly Step<S>[] => {
  if (after.length === 0) return steps;
  const index = steps.findIndex((s) => s.action.kind !== 'prepare' && s.action.kind !== 'create');
  const first = steps[index];
  return first === undefined ? steps : steps.with(index, { ...first, after: [...first.after, ...after] });
};

/** One slot's steps. Slots of one service share their `prepare`, so it stands beside the chain, not in it. */
const chainOf = <S extends Plannable>({ actions }: SlotPlan<S>): Chain<S> => {
  const at = actions.findIndex((a) => a.kind === 'prepare');
  const prepare = actions[at];
  if (prepare === undefined) return chain(actions);
  const fetch = chain([prepare]);
  const rest = chain(actions.toSpliced(at, 1));
  const steps = rest.steps.map((s) => (s.action.kind === 'create' ? { ...s, after: [...s.after, ...fetch.last] } : s));
  return { steps: [...fetch.steps, ...steps], last: rest.last };
};

/** What one slot fetches is there for the others as well. */
const withOnePrepare = <S extends Plannable>(steps: readonly Step<S>[]): readonly Step<S>[] => {
  const first = steps.find((s) => s.action.kind === 'prepare');
  return first === undefined ? steps : steps.filter((s) => s === first || s.action.kind !== 'prepare');
};
