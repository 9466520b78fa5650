/**
 * Runs a task for many who ask at once. Whoever asks gets a run that began after they
 * asked, never one under way: what it saw may be older than their question.
 */
export const sharedTask = <T>(task: () => Promise<T>): (() => Promise<T>) => {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  return () => {
    next ??= running.then(() => {
      const run = task();
      next = undefined;
      running = run.catch(() => undefined);
      return run;
    });
    return next;
  };
};
