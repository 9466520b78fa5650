/** Answers that the world may see, each by its key. */
export interface ShownAnswers<T> {
  /** What is in force: whoever answers was told of it, and it was not taken back since. */
  live(): ReadonlyMap<string, T>;
  /** Resolves once it is in force. When publishing fails it is not shown, and that failure is thrown. */
  show(key: string, answer: T): Promise<void>;
  /**
   * Out of force here at once. Where another process answers, it is told; if it cannot be, it hears
   * of it with the next change, and nobody is troubled: an answer too many does no harm.
   */
  hide(key: string): Promise<void>;
}

/**
 * One publishing at a time, each of all that is wanted by then: a slow one neither takes away
 * what another has shown meanwhile, nor makes a queue of one for each.
 */
export const createShownAnswers = <T>(
  publish: ((all: ReadonlyMap<string, T>) => Promise<void> | void) | undefined,
): ShownAnswers<T> => {
  const wanted = new Map<string, T>();
  let published: ReadonlyMap<string, T> = new Map();
  let last: Promise<void> = Promise.resolve();
  /** Has not begun, so what is wanted now will be part of it. */
  let next: Promise<void> | undefined;

  const publishAll = async (): Promise<void> => {
    next = undefined;
    const all = new Map(wanted);
    await publish?.(all);
    published = all;
  };
  const announce = (): Promise<void> => (next ??= last = last.then(publishAll, publishAll));
  const isLive = (key: string, answer: T): boolean => wanted.get(key) === answer;

  return {
    live: () => new Map([...published].filter(([key, answer]) => isLive(key, answer))),
    show: async (key, answer) => {
      const isThere = wanted.get(key) === answer && published.get(key) === answer;
      if (isThere) return;
      wanted.set(key, answer);
      try {
        await announce();
      } catch (error) {
        if (wanted.get(key) === answer) wanted.delete(key);
        throw error;
      }
    },
    hide: async (key) => {
      if (wanted.delete(key)) await announce().catch(() => undefined);
    },
  };
};
