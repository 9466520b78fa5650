const windowMs = 10_000;
const mostInWindow = 10;

/** When another order may begin, from the times at which earlier ones did: at most 10 in 10 s (A14). */
export const nextOrderAt = (begun: readonly number[], now: number): number => {
  const recent = begun.filter((at) => at > now - windowMs && at <= now).sort((a, b) => a - b);
  const first = recent[recent.length - mostInWindow];
  return first === undefined ? now : first + windowMs;
};

/** Those that still count. */
export const recentOrders = (begun: readonly number[], now: number): readonly number[] =>
  begun.filter((at) => at > now - windowMs);
