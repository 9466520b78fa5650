import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Scenario } from '../scenario.ts';

const repository = join(import.meta.dirname, '../../..');
const jest = join(repository, 'node_modules/jest/bin/jest.js');

interface Ran {
  readonly code: number | null;
  readonly output: string;
}

/** The tests of the planner and of the loop, with as many random inputs and stories as asked for. */
const simulate = (pattern: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Ran> =>
  new Promise((done, fail) => {
    const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    const args = [
      ...flags,
      jest,
      '--selectProjects=unit',
      '--runInBand',
      '--testTimeout=7200000',
      '--testPathPatterns',
      pattern,
    ];
    const child = spawn(process.execPath, args, { cwd: repository, env: { ...process.env, ...env }, signal });
    let output = '';
    const hear = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', fail);
    child.on('close', (code) => done({ code, output }));
  });

export const simulation: Scenario = {
  id: 'F21',
  title:
    'random states planned, and seeded stories of the loop with faults, lost answers, deaths, kills and changes of mind',
  counts: { short: 1_000, full: 100_000 },
  inCi: false,
  async run(context) {
    const { count, seed, signal } = context;
    const figures: string[] = [];
    const violations: string[] = [];
    const parts = [
      ['plan.prop', 'random states, each planned and made true', { ORCA_PROP_RUNS: String(count) }],
      ['sim.test', 'schedules of plan and apply', { ORCA_SIM_SCHEDULES: String(count), ORCA_SIM_SEED: String(seed) }],
      ['loop-sim', 'stories of the loop', { ORCA_SIM_SCHEDULES: String(count), ORCA_SIM_SEED: String(seed) }],
    ] as const;
    for (const [pattern, what, env] of parts) {
      const begun = performance.now();
      const { code, output } = await simulate(`packages/reconcile/test/${pattern}`, env, signal);
      const seconds = ((performance.now() - begun) / 1000).toFixed(0);
      if (code === 0) figures.push(`${count} ${what}: 0 violations, asserted after every step (${seconds} s)`);
      else
        violations.push(
          `${what}: ${/"seed": \d+[\s\S]{0,600}|Property failed[\s\S]{0,600}/.exec(output)?.[0] ?? output.slice(-600)}`,
        );
      context.log(`${what}: ${code === 0 ? 'held' : 'FAILED'} after ${seconds} s`);
    }
    return { figures, violations };
  },
};
