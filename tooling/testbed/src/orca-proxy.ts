import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endProcess, isSame, type ProcessIdentity } from './processes.ts';

const graceMs = 500;

/**
 * Ends the proxy of a state directory, which outlives every server: a test that started one
 * leaves no process behind.
 */
export async function endOrcaProxy(home: string): Promise<void> {
  const known = await runningOrcaProxy(home);
  if (known === undefined) return;
  // It lets requests end at the first signal, and ends them at the second.
  process.kill(known.pid, 'SIGTERM');
  await new Promise((done) => setTimeout(done, graceMs));
  await endProcess(known, 60_000);
}

/** The proxy of a state directory; the file names it, and tells it from a later process of its number. */
export async function runningOrcaProxy(home: string): Promise<ProcessIdentity | undefined> {
  const text = await readFile(join(home, 'proxy.pid'), 'utf8').catch(() => '');
  const [pid, startTicks] = [/"pid":(\d+)/.exec(text)?.[1], /"started":"(\d+)"/.exec(text)?.[1]];
  if (pid === undefined || startTicks === undefined) return undefined;
  const known = { pid: Number(pid), startTicks };
  return (await isSame(known)) ? known : undefined;
}
