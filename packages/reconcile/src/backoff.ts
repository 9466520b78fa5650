export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Share by which a wait is made shorter or longer, so that many that failed together do not come back together. */
const jitter = 0.25;

/** How long to wait after so many failures in a row; `random` gives numbers in [0, 1). */
export const backoffMs = (failures: number, { firstMs, maxMs }: Backoff, random: () => number): number => {
  const wait = Math.min(maxMs, firstMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return wait * (1 - jitter + 2 * jitter * random());
};
