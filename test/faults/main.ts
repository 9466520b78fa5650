// `pnpm faults [F1 F14 …] [--short] [--seed N] [--count N]`: runs fault scenarios and prints a figure for each.
import { commandLine, known, numberOf } from '@orca/tooling-testbed';
import type { Scenario, ScenarioResult } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';

const usage = [
  'pnpm faults [F1 F14 …] [--short] [--seed N] [--count N]',
  '',
  ...scenarios.map((s) => `  ${s.id.padEnd(4)} ${s.title} (${s.counts.short} short, ${s.counts.full} full)`),
].join('\n');

const asked = commandLine({
  usage,
  options: {
    short: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    count: { type: 'string' },
  },
  read: ({ values, positionals }) => {
    // Some are of several parts.
    const all = [...new Set(scenarios.map(({ id }) => id))];
    const ids = known('scenario', positionals, all);
    return {
      chosen: ids.length === 0 ? scenarios : scenarios.filter(({ id }) => ids.includes(id)),
      seed: numberOf('--seed', values.seed, 0),
      count: values.count === undefined ? undefined : numberOf('--count', values.count, 1),
      isShort: values.short,
    };
  },
});

const runOne = async (scenario: Scenario, signal: AbortSignal): Promise<boolean> => {
  const { seed, isShort } = asked;
  const count = asked.count ?? (isShort ? scenario.counts.short : scenario.counts.full);
  console.log(`\n${scenario.id} ${scenario.title} (${count} times, seed ${seed})`);
  const begun = performance.now();
  const result: ScenarioResult = await scenario
    .run({ count, seed, signal, log: (line) => console.log(`  … ${line}`) })
    .catch((error: unknown) => ({
      figures: [],
      violations: [`could not be run: ${Error.isError(error) ? (error.stack ?? error.message) : String(error)}`],
    }));
  for (const figure of result.figures) console.log(`  ${figure}`);
  for (const violation of result.violations) console.log(`  VIOLATED: ${violation}`);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`  ${result.violations.length === 0 ? 'ok' : 'FAILED'} in ${seconds} s`);
  return result.violations.length === 0;
};

const ending = new AbortController();
process.once('SIGINT', () => ending.abort());
const failed: string[] = [];
for (const scenario of asked.chosen) {
  if (ending.signal.aborted) break;
  if (!(await runOne(scenario, ending.signal))) failed.push(scenario.id);
}
console.log(failed.length === 0 ? '\nall held' : `\nfailed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
