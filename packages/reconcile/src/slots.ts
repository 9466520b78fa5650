import { chain, none, stepId } from './chain.ts';
import type { ActionOf, DesiredService, Instance, Memory, Plannable, Step } from './model.ts';
import type { Seen } from './seen.ts';
import { remove, retire } from './slot-actions.ts';
import { planSlot, type SlotPlan } from './slot.ts';

/** Decides every slot of one service, each for itself. */
export const planSlots = <S extends Plannable>(
  desired: DesiredService<S>,
  seen: Seen,
  { quarantined, ailing, resting }: Memory,
): readonly SlotPlan<S>[] => {
  const quarantine = quarantined.get(desired.spec.name);
  const bySlot = Map.groupBy(seen.of(desired.spec.name), (i) => i.slot);
  const why = quarantine?.revision === desired.revision ? quarantine.reason : undefined;
  const { routed } = seen;
  const slots: SlotPlan<S>[] = [];
  for (let slot = 1; slot <= desired.spec.replicas; slot += 1) {
    const instances = bySlot.get(slot) ?? [];
    slots.push(planSlot({ desired, slot, instances, routed, quarantine: why, ailing, resting }));
  }
  return slots;
};

/** Why slots cannot be brought to what is wanted, each reason once. */
export const blocksOf = <S extends Plannable>(slots: readonly SlotPlan<S>[]): readonly string[] => {
  const reasons: string[] = [];
  for (const { blocked } of slots) if (blocked !== undefined && !reasons.includes(blocked)) reasons.push(blocked);
  return reasons;
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
  let previous = none;
  for (const slot of slots) {
    const last = linkSlot(slot, slot.isDisturbing ? [...after, ...previous] : after, steps);
    if (slot.isDisturbing) previous = last;
  }
  steps.push(...dropSurplus(desired, slots, steps, seen));
  return steps;
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
    const reason = `slot ${i.slot} is beyond ${replicas} replica${replicas === 1 ? '' : 's'}; the service stays`;
    const actions: readonly ActionOf<S>[] = [
      ...retire({ routed: seen.routed, desired }, i, reason),
      remove({ desired }, i, reason, i.stage === 'candidate' ? 'leftover' : 'surplus'),
    ];
    return chain(actions, settled).steps;
  };
  return surplus.flatMap(takeAway);
};

/**
 * Appends one slot's steps and names its last. Slots of one service share their `prepare`, so it stands beside the chain,
 * not in it. The first step that disturbs or starts something comes after `gate`; fetching and creating need not wait.
 */
const linkSlot = <S extends Plannable>(
  { actions }: SlotPlan<S>,
  gate: readonly string[],
  steps: Step<S>[],
): readonly string[] => {
  const prepare = actions.find(isPrepare);
  const fetched = prepare === undefined ? none : [stepId(prepare)];
  // What one slot fetches is there for the others as well.
  if (prepare !== undefined && !steps.some((s) => isPrepare(s.action)))
    steps.push({ id: stepId(prepare), after: none, action: prepare });
  let last = none;
  let open = gate;
  for (const action of actions) {
    if (action === prepare) continue;
    const id = stepId(action);
    const others = action.kind === 'create' ? fetched : open;
    if (action.kind !== 'create') open = none;
    steps.push({ id, after: others.length === 0 ? last : [...last, ...others], action });
    last = [id];
  }
  return last;
};

const isPrepare = <S extends Plannable>(action: ActionOf<S>): boolean => action.kind === 'prepare';
