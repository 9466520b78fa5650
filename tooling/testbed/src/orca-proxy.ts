import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endProcess, identify } from './processes.ts';

const graceMs = 500;

/**
 * Ends the proxy of a state directory, which outlives every server: a test that started one
 * leaves no process behind. The file names the process, and tells it from a later one of its number.
 */
export async function endOrcaProxy(home: string): Promise<void> {
  const text = await readFile(join(home, 'proxy.pid'), 'utf8').catch(() => '');
  const [pid, startTicks] = [/"pid":(\d+)/.exec(text)?.[1], /"started":"(\d+)"/.exec(text)?.[1]];
  if (pid === undefined || startTicks === undefined) return;
  const known = { pid: Number(pid), startTicks };
  if ((await identify(known.pid))?.startTicks !== startTicks) return;
  // It lets requests end at the first signal, and ends them at the second.
  process.kill(known.pid, 'SIGTERM');
  await new Promise((done) => setTimeout(done, graceMs));
  await endProcess(known, 10_000);
}
