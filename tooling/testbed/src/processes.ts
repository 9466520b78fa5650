import { readFile } from 'node:fs/promises';
import { waitFor } from './temp.ts';

/** A process, told apart from a later one that was given the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot at which it started. */
  readonly startTicks: string;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return Error.isError(error) && 'code' in error && error.code === 'EPERM';
  }
}

/** `undefined` when there is no such process, or it only waits to be reaped. */
export async function identify(pid: number): Promise<(ProcessIdentity & { readonly name: string }) | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name is in parentheses and may itself hold spaces and parentheses.
  const parts = /^\d+ \((.*)\) (.*)$/s.exec(stat);
  const [name, fields] = [parts?.[1], parts?.[2]?.split(' ')];
  const startTicks = fields?.[19];
  if (name === undefined || startTicks === undefined || fields?.[0] === 'Z') return undefined;
  return { pid, startTicks, name };
}

export async function isSame(known: ProcessIdentity): Promise<boolean> {
  return (await identify(known.pid))?.startTicks === known.startTicks;
}

/** Asks the process to end, and kills it when it has not after `graceMs`. Returns once it is gone. */
export async function endProcess(known: ProcessIdentity, graceMs: number): Promise<void> {
  if (!(await isSame(known))) return;
  process.kill(known.pid, 'SIGTERM');
  const gone = async (): Promise<boolean> => !(await isSame(known));
  try {
    await waitFor(gone, { what: `process ${known.pid} to end`, timeoutMs: graceMs });
  } catch {
    if (await isSame(known)) process.kill(known.pid, 'SIGKILL');
    await waitFor(gone, { what: `process ${known.pid} to be killed`, timeoutMs: 60_000 });
  }
}
