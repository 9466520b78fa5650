// `pnpm faults [F1 F14 …] [--short] [--seed N] [--count N]`: runs fault scenarios and prints a figure for each.
import { parseArgs } from 'node:util';
import type { Scenario, ScenarioResult } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    count: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const usage = (): string =>
  [
    'pnpm faults [F1 F14 …] [--short] [--seed N] [--count N]',
    '',
    ...scenarios.map((s) => `  ${s.id.padEnd(4)} ${s.title} (${s.counts.short} short, ${s.counts.full} full)`),
  ].join('\n');

const chosen = (): readonly Scenario[] => {
  const unknown = positionals.filter((id) => !scenarios.some((s) => s.id === id));
  if (unknown.length > 0) throw new Error(`no such scenario: ${unknown.join(', ')}\n\n${usage()}`);
  return positionals.length === 0 ? scenarios : scenarios.filter((s) => positionals.includes(s.id));
};

const runOne = async (scenario: Scenario, signal: AbortSignal): Promise<boolean> => {
  const seed = Number(values.seed);
  const count = Number(values.count ?? (values.short ? scenario.counts.short : scenario.counts.full));
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

if (values.help) {
  console.log(usage());
} else {
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort());
  const failed: string[] = [];
  for (const scenario of chosen()) {
    if (ending.signal.aborted) break;
    if (!(await runOne(scenario, ending.signal))) failed.push(scenario.id);
  }
  console.log(failed.length === 0 ? '\nall held' : `\nfailed: ${failed.join(', ')}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
