import type { InstanceDetails } from '@orca/runtime-docker';
import type { Accepted } from './accepted.ts';
import { ServerError } from './errors.ts';
import type { PromiseDraft, Promised } from './promised.ts';
import { messageOf } from './wire.ts';

/** What was promised of some services, so that they can go back to it. */
export interface Before {
  /** Of each service: as it was promised, before anything was changed. */
  readonly promised: ReadonlyMap<string, Promised>;
  /** Of each service: as it was promised then. */
  readonly wanted: ReadonlyMap<string, Promised>;
  /** See `Accepted.changes`: as it was when the deploy or stop had promised all it wanted. */
  readonly changes: ReadonlyMap<string, number>;
}

/** Remembers what is promised now; then promises what is wanted, all of it or nothing. */
export const promising = async (
  accepted: Accepted,
  names: Iterable<string>,
  ask: (draft: PromiseDraft) => void,
): Promise<Before> => {
  const promised = new Map([...names].map((name) => [name, accepted.promised(name)] as const));
  await accepted.promise(ask).catch(notPromised);
  const now = <T>(read: (name: string) => T): ReadonlyMap<string, T> =>
    new Map([...promised.keys()].map((name) => [name, read(name)] as const));
  return { promised, wanted: now((name) => accepted.promised(name)), changes: now((name) => accepted.changes(name)) };
};

const notPromised = (cause: unknown): never => {
  const message = `nothing was changed, because what was asked for cannot be written down: ${messageOf(cause)}; when that is mended, ask again`;
  throw new ServerError('ORCA_SERVER_NOT_WRITTEN', message, { cause });
};

/** Services of which somebody else wants something different by now: how they ended is no answer to who asked before. */
export const overtaken = ({ wanted, changes }: Before, accepted: Accepted): readonly string[] =>
  [...wanted].flatMap(([name, then]) => {
    // Nobody asked for anything since; only its secrets may have been renewed.
    if (accepted.changes(name) === changes.get(name)) return [];
    const now = accepted.promised(name);
    // What was to be removed is forgotten when it is gone.
    const isSame =
      now.record?.revision === then.record?.revision &&
      now.isPaused === then.isPaused &&
      (now.record === undefined) === (then.record === undefined);
    return isSame ? [] : [name];
  });

/** What came of taking promises back. */
export interface TakenBack {
  /** Services that the loop has to look at again. */
  readonly names: readonly string[];
  /** Why it was not written down, when it was not: the next start may go on with what was called off. */
  readonly fault: unknown;
}

/** Takes promises back, except of services of which something else was promised since. */
export const takeBack = async (
  { promised, changes }: Before,
  names: readonly string[],
  { accepted, seen }: { readonly accepted: Accepted; readonly seen: readonly InstanceDetails[] },
): Promise<TakenBack> => {
  const own = names.filter((name) => accepted.changes(name) === changes.get(name));
  const written = accepted.goBack((draft) => {
    for (const name of own) {
      const before = promised.get(name);
      if (before === undefined) continue;
      const isNew = before.record === undefined && !before.isRemoved;
      const isProven = seen.some((i) => i.service === name && i.stage === 'current');
      // What never was there is taken away again; what runs without a promise of ours is not ours to take away.
      if (isNew && !isProven) draft.remove([name]);
      else draft.restore(name, before);
    }
  });
  const fault = await written.then(
    () => undefined,
    (error: unknown) => error,
  );
  return { names: own, fault };
};
