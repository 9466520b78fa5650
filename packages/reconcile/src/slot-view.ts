import type { DesiredService, Instance, InstanceKey, Memory, Plannable } from './model.ts';

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

/** What lies in a slot, sorted out. */
export interface View<S extends Plannable> extends SlotInput<S> {
  /** The last known-good instance; see `findProven`. */
  readonly proven: Instance | undefined;
  /** An unproven instance of the wanted revision. */
  readonly candidate: Instance | undefined;
  /** Whatever else lies in the slot: other candidates, and what was replaced before. */
  readonly leftovers: readonly Instance[];
}

export const look = <S extends Plannable>(input: SlotInput<S>): View<S> => {
  const { desired, instances, routed } = input;
  // Of several that could be the proven one, the wanted one is.
  const isWanted = (i: Instance): number => (i.revision === desired.revision ? 0 : 1);
  const present = instances.some(isGoing) ? instances.filter((i) => !isGoing(i)) : instances;
  const live = present.length > 1 ? present.toSorted((a, b) => isWanted(a) - isWanted(b)) : present;
  const proven = findProven(live, routed);
  const candidate = live.find((i) => i.stage === 'candidate' && i.revision === desired.revision && i !== proven);
  const leftovers = instances.filter((i) => i !== proven && i !== candidate);
  return { ...input, proven, candidate, leftovers };
};

const isGoing = (i: Instance): boolean => i.status === 'removing';

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
