import type { Goal, Row } from './rows.ts';

export interface Measured {
  readonly name: string;
  /** CPU time a request. */
  readonly microseconds: number;
  readonly perSecond: number;
  readonly p99Ms: number | undefined;
  readonly errors: number;
  readonly residentMiB: number;
}

/** One line for each proxy, and one for each goal. */
export const formatRow = (row: Row, measured: readonly Measured[]): string => {
  const ours = measured.find(({ name }) => name === 'orca');
  const lines = measured.map((each) => {
    const ratio =
      ours === undefined || each === ours
        ? ''
        : `  orca is ${(ours.microseconds / each.microseconds).toFixed(2)} of it`;
    const p99 = each.p99Ms === undefined ? '' : `  p99 ${each.p99Ms.toFixed(1).padStart(6)} ms`;
    const errors = each.errors === 0 ? '' : `  ${each.errors} ERRORS`;
    return (
      `  ${each.name.padEnd(8)}${each.microseconds.toFixed(1).padStart(7)} µs CPU a request` +
      `${each.perSecond.toFixed(0).padStart(8)} req/s${p99}${each.residentMiB.toFixed(0).padStart(6)} MiB${ratio}${errors}`
    );
  });
  const goals = ours === undefined ? [] : row.goals.map((goal) => formatGoal(goal, ours, measured));
  return [row.what, ...lines, ...goals].join('\n');
};

const formatGoal = ({ figure, peer, most }: Goal, ours: Measured, measured: readonly Measured[]): string => {
  const theirs = peer === undefined ? 1 : measured.find(({ name }) => name === peer)?.[figure];
  if (theirs === undefined) return `  goal against ${peer}: not measured`;
  const value = ours[figure] / theirs;
  const what = figure === 'microseconds' ? 'CPU a request' : 'MiB resident';
  const against = peer === undefined ? '' : ` of ${peer}'s`;
  return `  goal: ${what} at most ${most}${against}: ${value.toFixed(2)}, ${value <= most ? 'met' : 'MISSED'}`;
};
