export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

export interface Comparison {
  readonly what: string;
  readonly ours: readonly number[];
  readonly peer: string;
  readonly theirs: readonly number[];
  /** Ours divided by theirs should be at most this; a comparison without one is for information. */
  readonly goal?: number;
}

/** One line: both medians in milliseconds, their ratio, and the goal. */
export const formatComparison = ({ what, ours, peer, theirs, goal }: Comparison): string => {
  const ratio = median(ours) / median(theirs);
  const verdict = goal === undefined ? '' : `  goal <= ${goal.toFixed(2)}  ${ratio <= goal ? 'met' : 'MISSED'}`;
  const ms = (values: readonly number[]): string => `${median(values).toFixed(0)} ms`.padStart(9);
  return `${what.padEnd(28)} orca ${ms(ours)}   ${peer.padEnd(22)} ${ms(theirs)}   ratio ${ratio.toFixed(2)}${verdict}`;
};
