import { instanceKey } from './identity.ts';
import type { ActionOf, DesiredService, Instance, InstanceKey, LastGood, Memory, Plannable } from './model.ts';
import { isUp } from './seen.ts';

/** All that one slot's decision looks at. */
export interface SlotInput<S extends Plannable> {
  readonly desired: DesiredService<S>;
  readonly slot: number;
  readonly instances: readonly Instance[];
  readonly routed: ReadonlySet<InstanceKey>;
  /** Why the wanted revision is not to be tried, if it failed before. */
  readonly quarantine: string | undefined;
  readonly ailing: Memory['ailing'];
  readonly resting: Memory['resting'];
}

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

interface View<S extends Plannable> extends SlotInput<S> {
  readonly wanted: InstanceKey;
  /** The last known-good instance; see `findProven`. */
  readonly proven: Instance | undefined;
  /** An unproven instance of the wanted revision. */
  readonly candidate: Instance | undefined;
  /** Whatever else lies in the slot: other candidates, and what was replaced before. */
  readonly leftovers: readonly Instance[];
}

const look = <S extends Plannable>(input: SlotInput<S>): View<S> => {
  const { desired, slot, instances } = input;
  // Of several that could be the proven one, the wanted one is.
  const isWanted = (i: Instance): number => (i.revision === desired.revision ? 0 : 1);
  const present = instances.filter((i) => i.status !== 'removing');
  const live = present.length > 1 ? present.toSorted((a, b) => isWanted(a) - isWanted(b)) : present;
  const proven = findProven(live, input.routed);
  const candidate = live.find((i) => i.stage === 'candidate' && i.revision === desired.revision && i !== proven);
  return {
    ...input,
    wanted: instanceKey(desired.spec.name, slot, desired.revision),
    proven,
    candidate,
    leftovers: instances.filter((i) => i !== proven && i !== candidate),
  };
};

/**
 * The instance to fall back on. A candidate that is routed has passed its readiness: when a
 * crash came before its commit, it may be the only one that serves, and must not be thrown
 * away as unproven. A retired one counts when a commit stopped between its two halves.
 */
const findProven = (live: readonly Instance[], routed: ReadonlySet<InstanceKey>): Instance | undefined => {
  const serves = (i: Instance): boolean => i.status === 'running' && routed.has(i.key);
  return (
    live.find((i) => i.stage === 'current' && serves(i)) ??
    live.find((i) => i.stage === 'candidate' && serves(i)) ??
    live.find((i) => i.stage === 'current') ??
    live.find((i) => i.stage === 'retired')
  );
};

const pause = <S extends Plannable>(v: View<S>): SlotPlan<S> => ({
  actions: v.instances.flatMap((i) => retire(v, i, 'stopped by request')),
  isDisturbing: false,
  willRun: false,
  blocked: undefined,
});

const keep = <S extends Plannable>(v: View<S>, proven: Instance): SlotPlan<S> => {
  const others = discard(v, [...v.leftovers, ...(v.candidate === undefined ? [] : [v.candidate])], 'left over');
  return stayWith(v, proven, others, undefined);
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
    ...discard(v, v.leftovers, 'left over'),
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
  proven.stage === 'current' ? [] : [commit(v, proven.key, reason)];

const bringUp = <S extends Plannable>(v: View<S>): SlotPlan<S> => ({
  actions: [
    ...discard(v, v.leftovers, 'is of an unwanted revision and never became healthy'),
    ...launch(v, 'not there yet', false),
    commit(v, v.wanted, 'became ready'),
  ],
  isDisturbing: false,
  willRun: true,
  blocked: undefined,
});

const replace = <S extends Plannable>(v: View<S>, old: Instance): SlotPlan<S> => {
  const { order, change = 'its definition changed' } = v.desired;
  const why = `${change}; ${order.kind}: ${order.reason}`;
  // Only one candidate has room in a slot: an instance that serves as one is committed before the next comes.
  const first = old.stage === 'candidate' ? settle(v, old, 'finishes an interrupted commit') : [];
  const leftovers = [...first, ...discard(v, v.leftovers, 'left over')];
  const tail = [commit(v, v.wanted, 'became ready'), remove(v, old, 'was replaced')];
  const makeRoom = retire(v, old, 'is being replaced');
  if (order.kind === 'start-first') {
    return {
      actions: [...leftovers, ...launch(v, why, true), ...makeRoom, ...tail],
      isDisturbing: true,
      willRun: true,
      blocked: undefined,
    };
  }
  // Two running at once should be impossible here; if it happened, the unproven one goes first.
  const second =
    v.candidate !== undefined && isUp(v.candidate) && isUp(old) ? retire(v, v.candidate, 'only one may run') : [];
  const candidate =
    second.length > 0 && v.candidate !== undefined ? { ...v.candidate, status: 'exited' as const } : v.candidate;
  const [get, run] = launchParts({ ...v, candidate }, why, true);
  return {
    actions: [...leftovers, ...second, ...get, ...makeRoom, ...run, ...tail],
    isDisturbing: true,
    willRun: true,
    blocked: undefined,
  };
};

/** Makes a proven instance run and serve again, whatever it needs for that. */
const resume = <S extends Plannable>(v: View<S>, i: Instance, why?: string): readonly ActionOf<S>[] => {
  const { spec, isRouted, stopGraceMs } = v.desired;
  const isRoutedNow = v.routed.has(i.key);
  const base = { service: spec.name, key: i.key };
  const ready = { kind: 'awaitReady', ...base, spec, isReplacement: false } as const;
  const route = (reason: string): readonly ActionOf<S>[] =>
    isRouted ? [{ kind: 'route', ...base, spec, reason }] : [];
  const repair: readonly ActionOf<S>[] =
    i.drift.length === 0 ? [] : [{ kind: 'repair', ...base, reason: i.drift.join('; ') }];
  const ailment = v.ailing?.get(i.key);
  if (i.status === 'running' && ailment === undefined) {
    if (isRouted && !isRoutedNow)
      return [...repair, { ...ready, reason: 'is to be routed' }, ...route('is not routed as desired')];
    if (!isRouted && isRoutedNow) return [...repair, drain(v, i.key, 'has no domain any more')];
    // What was repaired may be reached at another address.
    return repair.length === 0 ? [] : [...repair, ...route('was repaired')];
  }
  const down: readonly ActionOf<S>[] =
    i.status === 'running' && ailment !== undefined
      ? [{ kind: 'stop', ...base, reason: ailment, graceMs: stopGraceMs }]
      : [];
  return [
    ...repair,
    ...(isRoutedNow ? [drain(v, i.key, ailment ?? 'does not run')] : []),
    ...down,
    { kind: 'start', ...base, reason: ailment ?? why ?? startReason[i.status] },
    { ...ready, reason: 'was started again' },
    ...route('serves again'),
  ];
};

const startReason: Readonly<Record<Instance['status'], string>> = {
  running: 'is to be restarted',
  created: 'never started',
  exited: 'does not run',
  paused: 'is paused',
  removing: 'is being removed',
};

const launch = <S extends Plannable>(v: View<S>, why: string, isReplacement: boolean): readonly ActionOf<S>[] =>
  launchParts(v, why, isReplacement).flat();

/** Bringing up the candidate in two halves: what may happen beside a running old instance, and what may not. */
const launchParts = <S extends Plannable>(
  v: View<S>,
  why: string,
  isReplacement: boolean,
): readonly [readonly ActionOf<S>[], readonly ActionOf<S>[]] => {
  const { spec, revision, isRouted } = v.desired;
  const base = { service: spec.name, key: v.wanted };
  const isThere = v.candidate !== undefined;
  const isRunning = v.candidate?.status === 'running';
  const get: readonly ActionOf<S>[] = isThere
    ? []
    : [
        { kind: 'prepare', service: spec.name, reason: why, spec },
        { kind: 'create', ...base, reason: why, slot: v.slot, revision, spec, isReplacement },
      ];
  const run: readonly ActionOf<S>[] = [
    ...(isRunning ? [] : [{ kind: 'start', ...base, reason: why } as const]),
    // A candidate found running may be a crash's residue: its health is never assumed.
    { kind: 'awaitReady', ...base, reason: isRunning ? 'was found unproven' : 'was started', spec, isReplacement },
    // A route from before belongs to what was there before, and leads to its address.
    ...(isRouted && !(isRunning && v.routed.has(v.wanted))
      ? [{ kind: 'route', ...base, reason: 'became ready', spec } as const]
      : []),
  ];
  return [get, run];
};

/** Takes an instance out of service: no new requests, then stop. It stays, stopped. */
export const retire = <S extends Plannable>(
  v: Pick<SlotInput<S>, 'routed' | 'desired'>,
  i: Instance,
  reason: string,
): readonly ActionOf<S>[] => [
  ...(v.routed.has(i.key) ? [drain(v, i.key, reason)] : []),
  ...(isUp(i)
    ? [{ kind: 'stop', service: i.service, key: i.key, reason, graceMs: v.desired.stopGraceMs } as const]
    : []),
];

const discard = <S extends Plannable>(
  v: View<S>,
  instances: readonly Instance[],
  reason: string,
): readonly ActionOf<S>[] => instances.flatMap((i) => [...retire(v, i, reason), remove(v, i, reason)]);

const drain = <S extends Plannable>(
  v: Pick<SlotInput<S>, 'desired'>,
  key: InstanceKey,
  reason: string,
): ActionOf<S, 'drain'> => ({
  kind: 'drain',
  service: v.desired.spec.name,
  key,
  reason,
});
const commit = <S extends Plannable>(v: View<S>, key: InstanceKey, reason: string): ActionOf<S, 'commit'> => ({
  kind: 'commit',
  service: v.desired.spec.name,
  key,
  reason,
});
const remove = <S extends Plannable>(v: View<S>, i: Instance, reason: string): ActionOf<S, 'remove'> => ({
  kind: 'remove',
  service: v.desired.spec.name,
  key: i.key,
  reason,
});
