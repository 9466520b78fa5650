/** The value that `share` of all values do not exceed; the median at 0.5. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
};

/** `median 1.2 s, p95 3.4 s, worst 4.5 s`. */
export const spread = (seconds: readonly number[]): string => {
  if (seconds.length === 0) return 'none measured';
  const [median, p95, worst] = [0.5, 0.95, 1].map((share) => `${quantile(seconds, share).toFixed(2)} s`);
  return `median ${median}, p95 ${p95}, worst ${worst}`;
};
