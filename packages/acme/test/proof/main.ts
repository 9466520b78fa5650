// `pnpm proof:acme`: each promise of the package, done to a real authority on the loopback address. `--short` is what CI runs.
import { commandLine, UsageError } from '@orca/tooling-testbed';
import { faultLines } from './faults.ts';
import { issuingLines } from './issuing.ts';
import type { ProofLine } from './line.ts';
import { renewalLines } from './renewal.ts';
import { restartLines } from './restarts.ts';

export const lines: readonly ProofLine[] = [...issuingLines, ...renewalLines, ...restartLines, ...faultLines];

const usage = [
  'pnpm proof:acme [WORD …] [--short]',
  '',
  'Those with one of the words in their name, or all:',
  ...lines.map(({ name }) => `  ${name}`),
].join('\n');

/** The promises that have one of the words in their name; without any word all. */
const withAnyOf = (words: readonly string[]): readonly ProofLine[] => {
  const lost = words.filter((word) => !lines.some(({ name }) => name.includes(word)));
  if (lost.length > 0) throw new UsageError(`no promise has ${lost.join(' or ')} in its name`);
  return words.length === 0 ? lines : lines.filter(({ name }) => words.some((word) => name.includes(word)));
};

const main = async (): Promise<number> => {
  const { chosen, short } = commandLine({
    usage,
    options: { short: { type: 'boolean', default: false } },
    read: ({ values, positionals }) => ({ chosen: withAnyOf(positionals), short: values.short }),
  });
  let broken = 0;
  for (const { name, run } of chosen) {
    try {
      console.log(`✓ ${name}: ${await run(short)}`);
    } catch (error) {
      broken += 1;
      console.log(`✗ ${name}: ${Error.isError(error) ? error.message : String(error)}`);
    }
  }
  console.log(broken === 0 ? 'every promise held' : `${broken} promises broken`);
  return broken === 0 ? 0 : 1;
};

if (process.argv[1] === import.meta.filename) process.exitCode = await main();
