import type { DeployEvent, WireChange, WireIssue } from '@orca/api';
import type { Palette } from './ansi.ts';

type StepEvent = Extract<DeployEvent, { type: 'step' }>;
type End = Extract<DeployEvent, { type: 'end' }>;

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)}s`;

export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

export const issueLine = ({ severity, file, line, col, path, message }: WireIssue): string =>
  `${severity}: ${file}:${line}:${col}: ${path === '' ? '' : `${path}: `}${message}`;

export const underWay = 'waits until what is already under way has come to an end';

export const waitingLine = (services: readonly string[], palette: Palette): string =>
  `${palette.yellow('…')} ${underWay}: ${services.join(', ')}`;

/** One finished step as one line of a plain pipe; a step that only began has none. */
export const stepLine = (
  { step, state, ms, detail }: StepEvent,
  width: number,
  palette: Palette,
): string | undefined => {
  if (state === 'started') return undefined;
  const mark = { done: palette.green('done'), failed: palette.red('failed'), skipped: palette.yellow('skipped') }[
    state
  ];
  const time = ms === undefined ? '' : ` ${seconds(ms)}`;
  const why = detail ?? step.reason;
  return `${step.service.padEnd(width)}  ${step.action.padEnd(11)} ${mark}${time}  ${palette.dim(`(${why})`)}`;
};

/** What the whole of it came to, and why anything did not work out. */
export const endLines = (end: End, palette: Palette): readonly string[] => [
  ...end.failures.flatMap(({ service, reason, logs }) => [
    '',
    `${palette.red('✗')} ${palette.bold(service)}: ${withoutPrefix(reason, service)}`,
    ...(logs.length === 0
      ? []
      : [palette.dim('  its last lines:'), ...logs.map((line) => `  ${palette.dim('|')} ${line}`)]),
  ]),
  ...(end.failures.length === 0 ? [] : ['']),
  headline(end, palette),
];

/** Reasons name their service first; here it stands there already. */
const withoutPrefix = (reason: string, service: string): string =>
  reason.startsWith(`${service}: `) ? reason.slice(service.length + 2) : reason;

const changeWords: Readonly<Record<WireChange['change'], string>> = {
  created: 'created',
  recreated: 'recreated',
  started: 'started',
  stopped: 'stopped',
  removed: 'removed',
  scaled_down: 'scaled down',
  cleared: 'cleared of leftovers',
  rerouted: 'rerouted',
  repaired: 'repaired',
};

const headline = (end: End, palette: Palette): string => {
  const { outcome, changed, unchanged, failures, mutatingCalls, ms, message } = end;
  // What was done to one that failed in the end is no success to be counted.
  const failed = new Set(failures.map((f) => f.service));
  const well = changed.filter((c) => !failed.has(c.service));
  const changes = [...groupBy(well.map((c) => changeWords[c.change]))].map(([change, n]) => `${n} ${change}`);
  const downtimes = changed.flatMap(({ service, downtimeMs }) =>
    downtimeMs === undefined ? [] : [`${service} was down for ${seconds(downtimeMs)}`],
  );
  const kept = unchanged.length === 0 ? [] : [`${unchanged.length} unchanged`];
  const calls = count(mutatingCalls, 'mutating engine call');
  switch (outcome) {
    case 'converged':
      return changed.length === 0
        ? `${palette.green('✓')} nothing to do: ${count(unchanged.length, 'service')} up to date, ${calls}, ${seconds(ms)}`
        : `${palette.green('✓')} ${[...changes, ...kept].join(', ')} in ${seconds(ms)} (${[calls, ...downtimes].join('; ')})`;
    case 'planned':
      return `nothing was changed; to do it: orca deploy`;
    case 'failed':
      // Nothing was begun, so there is nothing to count.
      if (failures.length === 0 && message !== undefined) return `${palette.red('✗')} failed: ${message}`;
      return `${palette.red('✗')} failed: ${[count(failures.length, 'service'), ...changes, ...kept].join(', ')} in ${seconds(ms)}${downtimes.length === 0 ? '' : ` (${downtimes.join('; ')})`}${message === undefined ? '' : `: ${message}`}`;
    case 'blocked':
      return `${palette.red('✗')} blocked: ${[count(failures.length, 'service'), ...changes, ...kept].join(', ')}`;
    case 'cancelled':
      return `${palette.yellow('!')} cancelled${changes.length === 0 ? '' : ` after ${changes.join(', ')}`}; what was not done yet goes back to what ran before`;
    case 'refused':
      return `${palette.red('✗')} refused: ${message ?? 'nothing was changed'}`;
    default:
      return outcome satisfies never;
  }
};

const groupBy = (words: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
};

/** A plan as it is shown before anything is done. */
export const planLines = (plan: Extract<DeployEvent, { type: 'plan' }>, palette: Palette): readonly string[] => {
  // What is blocked for good is told at the end, with what else is wrong.
  const later = plan.blocked.filter((b) => b.reasons.every((reason) => reason.startsWith('waits for ')));
  const width = Math.max(0, ...[...plan.steps, ...later].map((s) => s.service.length));
  return [
    ...plan.steps.map((s) => `${s.service.padEnd(width)}  ${s.action.padEnd(11)} ${palette.dim(`(${s.reason})`)}`),
    ...later.map(
      (b) => `${b.service.padEnd(width)}  ${'later'.padEnd(11)} ${palette.dim(`(${b.reasons.join('; ')})`)}`,
    ),
    ...(plan.steps.length === 0 ? ['no changes'] : []),
    ...(plan.unchanged.length === 0 ? [] : [palette.dim(`unchanged: ${plan.unchanged.join(', ')}`)]),
  ];
};
