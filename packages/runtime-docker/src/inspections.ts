import type { ContainerInspectInfo } from 'dockerode';

/** What the engine said of containers, kept while nothing was heard of them. */
export interface Inspections {
  /** What is known of a container, if it is fresh and of this state; else it is asked. */
  of(id: string, state: string): Promise<ContainerInspectInfo | undefined>;
  /** Something happened to it: what is known is not true any more. */
  forget(id: string): void;
}

/**
 * The engine's list does not show limits, start times or exit codes, and asking for each
 * container costs as much as the whole list. So an answer is kept until an event or a call
 * of our own concerns the container, and never longer than `maxAgeMs`: events can be lost.
 */
export const createInspections = (o: {
  readonly inspect: (id: string) => Promise<ContainerInspectInfo | undefined>;
  readonly maxAgeMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}): Inspections => {
  const known = new Map<string, { readonly info: Promise<ContainerInspectInfo | undefined>; readonly at: number }>();
  const ask = (id: string): Promise<ContainerInspectInfo | undefined> => {
    const info = o.inspect(id);
    const entry = { info, at: o.now() };
    known.set(id, entry);
    const drop = (): void => {
      if (known.get(id) === entry) known.delete(id);
    };
    info.then((found) => found === undefined && drop(), drop);
    return info;
  };
  return {
    of: async (id, state) => {
      const entry = known.get(id);
      if (entry === undefined || o.now() - entry.at > o.maxAgeMs) return ask(id);
      const info = await entry.info;
      return info === undefined || info.State.Status === state ? info : ask(id);
    },
    forget: (id) => void known.delete(id),
  };
};
