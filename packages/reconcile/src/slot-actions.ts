import type { ActionOf, Instance, InstanceKey, Plannable, Removed } from './model.ts';
import { isUp } from './seen.ts';
import type { SlotInput, View } from './slot-view.ts';

// Actions are written out, each as one literal: large plans hold a hundred thousand, and a copy costs several times that.

export const nothing: readonly never[] = [];

/** All of them, one part after the other: several times as fast as spreading that many lists into one. */
export const inSequence = <S extends Plannable>(
  ...parts: readonly (readonly ActionOf<S>[])[]
): readonly ActionOf<S>[] => {
  const actions: ActionOf<S>[] = [];
  for (const part of parts) for (const action of part) actions.push(action);
  return actions;
};

/** Gets the wanted instance there without disturbing what runs beside it. */
export const fetch = <S extends Plannable>(
  v: View<S>,
  key: InstanceKey,
  reason: string,
  isReplacement: boolean,
): readonly ActionOf<S>[] => {
  if (v.candidate !== undefined) return nothing;
  const { spec, revision } = v.desired;
  return [
    { kind: 'prepare', service: spec.name, reason, spec },
    { kind: 'create', service: spec.name, key, reason, slot: v.slot, revision, spec, isReplacement },
  ];
};

/** Brings up the wanted instance, once it is there. */
export const launch = <S extends Plannable>(
  v: View<S>,
  key: InstanceKey,
  why: string,
  isReplacement: boolean,
): readonly ActionOf<S>[] => {
  const { spec, isRouted } = v.desired;
  const service = spec.name;
  const isRunning = v.candidate?.status === 'running';
  const actions: ActionOf<S>[] = [];
  if (!isRunning) actions.push({ kind: 'start', service, key, reason: why });
  // A candidate found running may be a crash's residue: its health is never assumed.
  const reason = isRunning ? 'was found unproven' : 'was started';
  actions.push({ kind: 'awaitReady', service, key, reason, spec, isReplacement });
  // A route from before belongs to what was there before, and leads to its address.
  const isServed = isRunning && v.routed.has(key);
  if (isRouted && !isServed) actions.push({ kind: 'route', service, key, reason: 'became ready', spec });
  return actions;
};

/** Makes a proven instance run and serve again, whatever it needs for that. */
export const resume = <S extends Plannable>(v: View<S>, i: Instance, why?: string): readonly ActionOf<S>[] => {
  const ailment = v.ailing?.get(i.key);
  const actions = i.status === 'running' && ailment === undefined ? reroute(v, i) : restart(v, i, ailment, why);
  return i.drift.length === 0 ? actions : [repair(v, i), ...actions];
};

/** It runs, and is to be routed or not. */
const reroute = <S extends Plannable>(v: View<S>, i: Instance): readonly ActionOf<S>[] => {
  const { isRouted } = v.desired;
  const isRoutedNow = v.routed.has(i.key);
  if (isRouted && !isRoutedNow) return [ready(v, i, 'is to be routed'), route(v, i, 'is not routed as desired')];
  if (!isRouted && isRoutedNow) return [drain(v, i.key, 'has no domain any more')];
  // What was repaired may be reached at another address.
  return isRouted && i.drift.length > 0 ? [route(v, i, 'was repaired')] : nothing;
};

const restart = <S extends Plannable>(
  v: View<S>,
  i: Instance,
  ailment: string | undefined,
  why: string | undefined,
): readonly ActionOf<S>[] => {
  const actions: ActionOf<S>[] = [];
  if (v.routed.has(i.key)) actions.push(drain(v, i.key, ailment ?? 'does not run'));
  if (i.status === 'running' && ailment !== undefined) actions.push(stop(v, i, ailment));
  const { name: service } = v.desired.spec;
  actions.push({ kind: 'start', service, key: i.key, reason: ailment ?? why ?? startReason[i.status] });
  actions.push(ready(v, i, 'was started again'));
  if (v.desired.isRouted) actions.push(route(v, i, 'serves again'));
  return actions;
};

const startReason: Readonly<Record<Instance['status'], string>> = {
  running: 'is to be restarted',
  created: 'never started',
  exited: 'does not run',
  paused: 'is paused',
  removing: 'is being removed',
};

/** Takes an instance out of service: no new requests, then stop. It stays, stopped. */
export const retire = <S extends Plannable>(
  v: Pick<SlotInput<S>, 'routed' | 'desired'>,
  i: Instance,
  reason: string,
): readonly ActionOf<S>[] => {
  const actions: ActionOf<S>[] = [];
  if (v.routed.has(i.key)) actions.push(drain(v, i.key, reason));
  if (isUp(i)) actions.push(stop(v, i, reason));
  return actions;
};

export const discard = <S extends Plannable>(
  v: View<S>,
  instances: readonly Instance[],
  reason: string,
): readonly ActionOf<S>[] =>
  instances.length === 0
    ? nothing
    : instances.flatMap((i) => [...retire(v, i, reason), remove(v, i, reason, 'leftover')]);

type Of<S extends Plannable> = Pick<SlotInput<S>, 'desired'>;

const ready = <S extends Plannable>({ desired: { spec } }: Of<S>, { key }: Instance, reason: string): ActionOf<S> => ({
  kind: 'awaitReady',
  service: spec.name,
  key,
  spec,
  isReplacement: false,
  reason,
});
const route = <S extends Plannable>({ desired: { spec } }: Of<S>, { key }: Instance, reason: string): ActionOf<S> => ({
  kind: 'route',
  service: spec.name,
  key,
  spec,
  reason,
});
const repair = <S extends Plannable>({ desired: { spec } }: Of<S>, { key, drift }: Instance): ActionOf<S> => ({
  kind: 'repair',
  service: spec.name,
  key,
  reason: drift.join('; '),
});
const drain = <S extends Plannable>({ desired: { spec } }: Of<S>, key: InstanceKey, reason: string): ActionOf<S> => ({
  kind: 'drain',
  service: spec.name,
  key,
  reason,
});
const stop = <S extends Plannable>({ desired }: Of<S>, { service, key }: Instance, reason: string): ActionOf<S> => ({
  kind: 'stop',
  service,
  key,
  reason,
  graceMs: desired.stopGraceMs,
});
export const commit = <S extends Plannable>(
  { desired: { spec } }: Of<S>,
  key: InstanceKey,
  reason: string,
): ActionOf<S> => ({
  kind: 'commit',
  service: spec.name,
  key,
  reason,
});
export const remove = <S extends Plannable>(
  { desired: { spec } }: Of<S>,
  { key }: Instance,
  reason: string,
  what: Removed,
): ActionOf<S> => ({
  kind: 'remove',
  what,
  service: spec.name,
  key,
  reason,
});
