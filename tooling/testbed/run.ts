// What `npm test` runs: the checks of the sources, then all tests against real components, then the count.
import { ensureEngine } from './src/engine.ts';
import type { Engine } from './src/engine.ts';
import { ensureImages } from './src/images.ts';
import { formatCounts, runJest } from './src/jest.ts';
import type { Counts } from './src/jest.ts';
import { recipes } from './src/recipes.ts';
import { commandStep, seconds, step } from './src/step.ts';

const log = (line: string): void => console.log(line);

/** In the order in which a fault is cheapest to find; lint reads the declarations that the type check writes. */
const checks = {
  format: ['pnpm', '-s', 'format:check'],
  types: ['pnpm', '-s', 'typecheck'],
  lint: ['pnpm', '-s', 'lint'],
  build: ['pnpm', '-s', 'build'],
};

async function main(jestArgs: readonly string[]): Promise<Counts> {
  for (const [name, command] of Object.entries(checks)) await commandStep(name, command, log);
  const engine: Engine = await step('engine', log, () => ensureEngine({ log }));
  try {
    await step('images', log, () => ensureImages(Object.keys(recipes), { log, socket: engine.socket }));
    return await step('tests', log, () => runJest(jestArgs));
  } finally {
    await engine.stop();
  }
}

const startedAt = performance.now();
// A keyboard interrupt reaches jest by itself; this process stays to stop what it started.
process.on('SIGINT', () => {});
let counts: Counts = { passed: 0, failed: 1, skipped: 0 };
try {
  counts = await main(process.argv.slice(2));
} catch (error) {
  console.error(Error.isError(error) ? error.message : error);
}
log(`total: ${seconds(performance.now() - startedAt)}`);
// Nothing may follow this line: CI reads it.
console.log(formatCounts(counts));
process.exitCode = counts.failed === 0 ? 0 : 1;
