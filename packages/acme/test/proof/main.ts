// `pnpm proof:acme`: each promise of the package, done to a real authority on the loopback address. `--short` is what CI runs.
import { faultLines } from './faults.ts';
import { issuingLines } from './issuing.ts';
import type { ProofLine } from './line.ts';
import { renewalLines } from './renewal.ts';
import { restartLines } from './restarts.ts';

export const lines: readonly ProofLine[] = [...issuingLines, ...renewalLines, ...restartLines, ...faultLines];

const main = async (args: readonly string[]): Promise<number> => {
  const short = args.includes('--short');
  const wanted = args.filter((arg) => !arg.startsWith('--'));
  let broken = 0;
  for (const { name, run } of lines) {
    if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue;
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

if (process.argv[1] === import.meta.filename) process.exitCode = await main(process.argv.slice(2));
