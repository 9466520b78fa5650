import { instanceKey } from './identity.ts';
import type { ActionOf, DesiredService, Instance, InstanceKey, LastGood, Plannable } from './model.ts';
import { isUp } from './seen.ts';
import { commit, discard, fetch, inSequence, launch, nothing, remove, resume, retire } from './slot-actions.ts';
import { look, type SlotInput, type View } from './slot-view.ts';

/** Who reads "remove" beside the name of a service must not think that it goes. */
const leftOver = 'left over from before; the service stays';

export interface SlotPlan<S extends Plannable> {
  readonly actions: readonly ActionOf<S>[];
  /** A running instance is replaced or restarted: such slots go one at a time. */
  readonly isDisturbing: boolean;
  /** After the actions, something of this slot runs. */
  readonly willRun: boolean;
  readonly blocked: string | undefined;
}

/**
 * Decides one slot. The rules in order, first match wins:
 * 1. paused: nothing runs, nothing is removed;
 * 2. the proven instance already is of the wanted revision: keep it, running and routed, or let it rest; unless that
 *    revision failed in another slot and there is one to go back to: then all slots go back;
 * 3. the wanted revision failed before: return to the proven one, or to what was last proven;
 * 4. nothing proven is there: bring up the first instance;
 * 5. a proven instance of another revision is there: replace it, in the service's order.
 */
export const planSlot = <S extends Plannable>(input: SlotInput<S>): SlotPlan<S> => {
  const view = look(input);
  if (input.desired.isPaused) return pause(view);
  const isUndone = input.quarantine !== undefined && wayBack(input.desired) !== undefined;
  if (view.proven?.revision === input.desired.revision && !isUndone) return keep(view, view.proven);
  if (input.quarantine !== undefined) return fallBack(view, input.quarantine);
  if (view.proven === undefined) return bringUp(view);
  return replace(view, view.proven);
};

const pause = <S extends Plannable>(v: View<S>): SlotPlan<S> => ({
  actions: v.instances.flatMap((i) => retire(v, i, 'stopped by request')),
  isDisturbing: false,
  willRun: false,
  blocked: undefined,
});

const keep = <S extends Plannable>(v: View<S>, proven: Instance): SlotPlan<S> => {
  const others = v.candidate === undefined ? v.leftovers : [...v.leftovers, v.candidate];
  return stayWith(v, proven, discard(v, others, leftOver), undefined);
};

/** The proven instance stays what serves, as it should be; `others` is what becomes of the rest of the slot. */
const stayWith = <S extends Plannable>(
  v: View<S>,
  proven: Instance,
  others: readonly ActionOf<S>[],
  blocked: string | undefined,
): SlotPlan<S> => {
  const rest = v.resting?.get(proven.key);
  if (rest !== undefined) {
    const actions = [...others, ...retire(v, proven, rest)];
    return { actions, isDisturbing: false, willRun: false, blocked: blocked ?? rest };
  }
  const why = blocked === undefined ? undefined : 'returns to the last healthy revision';
  const stay = [...resume(v, proven, why), ...settle(v, proven, 'is the proven one')];
  return {
    actions: inOrder(v, stay, others),
    isDisturbing: v.ailing?.has(proven.key) === true,
    willRun: true,
    blocked,
  };
};

/** Another revision than the wanted one that was well before. */
const wayBack = <S extends Plannable>({ lastGood, revision }: DesiredService<S>): LastGood<S> | undefined =>
  lastGood?.revision === revision ? undefined : lastGood;

const fallBack = <S extends Plannable>(v: View<S>, quarantine: string): SlotPlan<S> => {
  const { proven, candidate } = v;
  const { lastGood, ...desired } = v.desired;
  const back = wayBack(v.desired);
  if (back !== undefined && (proven === undefined || proven.revision === desired.revision)) {
    const change = 'returns to the last healthy revision';
    const again = planSlot({ ...v, desired: { ...desired, ...back, change }, quarantine: undefined });
    return { ...again, blocked: quarantine };
  }
  // The failed one is stopped but kept: its logs are what the user needs now.
  const retreat = [
    ...(candidate === undefined ? [] : retire(v, candidate, 'its revision failed')),
    ...discard(v, v.leftovers, leftOver),
  ];
  if (proven === undefined) return { actions: retreat, isDisturbing: false, willRun: false, blocked: quarantine };
  // The failed text may be what is wrong: a proven instance is judged by the text it was proven with.
  const own = lastGood?.revision === proven.revision ? { ...v, desired: { ...desired, ...lastGood } } : v;
  return stayWith(own, proven, retreat, quarantine);
};

/** With a single writer the others must be gone before the proven one runs; otherwise it serves before they go. */
const inOrder = <S extends Plannable>(
  v: View<S>,
  stay: readonly ActionOf<S>[],
  go: readonly ActionOf<S>[],
): readonly ActionOf<S>[] => (v.desired.order.kind === 'stop-first' ? [...go, ...stay] : [...stay, ...go]);

/** A proven instance that is not current yet, or not any more, becomes so. */
const settle = <S extends Plannable>(v: View<S>, proven: Instance, reason: string): readonly ActionOf<S>[] =>
  proven.stage === 'current' ? nothing : [commit(v, proven.key, reason)];

/** What an instance of the wanted revision is called in this slot. */
const wantedKey = <S extends Plannable>({ desired, slot }: View<S>): InstanceKey =>
  instanceKey(desired.spec.name, slot, desired.revision);

const bringUp = <S extends Plannable>(v: View<S>): SlotPlan<S> => {
  const key = wantedKey(v);
  const leftovers = discard(v, v.leftovers, 'is of an unwanted revision and never became healthy');
  const get = fetch(v, key, 'not there yet', false);
  const run = launch(v, key, 'not there yet', false);
  const actions = inSequence(leftovers, get, run, [commit(v, key, 'became ready')]);
  return { actions, isDisturbing: false, willRun: true, blocked: undefined };
};

const replace = <S extends Plannable>(v: View<S>, old: Instance): SlotPlan<S> => {
  const { order, change = 'its definition changed' } = v.desired;
  const key = wantedKey(v);
  const why = `${change}; ${order.kind}: ${order.reason}`;
  // Only one candidate has room in a slot: an instance that serves as one is committed before the next comes.
  const first = old.stage === 'candidate' ? settle(v, old, 'finishes an interrupted commit') : nothing;
  const leftovers = discard(v, v.leftovers, leftOver);
  const get = fetch(v, key, why, true);
  const makeRoom = retire(v, old, 'is being replaced');
  const tail = [commit(v, key, 'became ready'), remove(v, old, 'was replaced', 'replaced')];
  if (order.kind === 'start-first') {
    const actions = inSequence(first, leftovers, get, launch(v, key, why, true), makeRoom, tail);
    return { actions, isDisturbing: true, willRun: true, blocked: undefined };
  }
  // Two running at once should be impossible here; if it happened, the unproven one goes first.
  const second =
    v.candidate !== undefined && isUp(v.candidate) && isUp(old) ? retire(v, v.candidate, 'only one may run') : nothing;
  const candidate =
    second.length > 0 && v.candidate !== undefined ? { ...v.candidate, status: 'exited' as const } : v.candidate;
  const run = launch({ ...v, candidate }, key, why, true);
  const actions = inSequence(first, leftovers, second, get, makeRoom, run, tail);
  return { actions, isDisturbing: true, willRun: true, blocked: undefined };
};
