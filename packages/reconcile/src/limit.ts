/** Lets a number of tasks run at once; the others wait in the order they came. */
export interface Limit {
  run<T>(task: () => Promise<T>): Promise<T>;
}

export const createLimit = (most: number): Limit => {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    run: async (task) => {
      if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
      else running += 1;
      try {
        return await task();
      } finally {
        // The place is handed on, so that nobody who comes now overtakes those who wait.
        const next = waiting.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
  };
};
