import { run } from './command.ts';
import { TestbedError } from './errors.ts';
import type { Log } from './log.ts';

/** Does `work`, and logs its name before and its time after. */
export async function step<T>(name: string, log: Log, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  log(`- ${name} …`);
  const result = await work();
  log(`  ${name}: ${seconds(performance.now() - startedAt)}`);
  return result;
}

/** A step that is a command; what it says is only shown, in full, when it fails. */
export async function commandStep(name: string, command: readonly string[], log: Log): Promise<void> {
  await step(name, log, async () => {
    const [program = '', ...args] = command;
    const { code, stdout, stderr } = await run(program, args);
    if (code === 0) return;
    const said = `${stdout}${stderr}`.trim();
    throw new TestbedError(
      'ORCA_TESTBED_COMMAND_FAILED',
      `${name} failed: \`${command.join(' ')}\` ended with code ${code}.\n${said}`,
    );
  });
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
