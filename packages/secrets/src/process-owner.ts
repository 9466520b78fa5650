import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { hasCode } from './errors.ts';

/**
 * Who holds a lock. A pid alone may be somebody else's after a restart, and means nothing on
 * another host or in another pid namespace; the nonce tells two locks of one process apart.
 */
export interface Owner {
  readonly host: string;
  readonly space: string;
  readonly boot: string;
  readonly pid: number;
  readonly started: string;
  readonly nonce: string;
}

export const thisProcess = (): Owner => ({
  host: hostname(),
  space: pidSpace(),
  boot: bootId(),
  pid: process.pid,
  started: startOf(process.pid) ?? '',
  nonce: randomBytes(6).toString('hex'),
});

/**
 * Whether the owner has certainly ended. What cannot be judged from here (another machine, another
 * pid namespace, no /proc to look at) counts as alive.
 */
export const hasEnded = ({ host, space, boot, pid, started }: Owner): boolean => {
  const here = bootId();
  if (host !== hostname()) return false;
  if (boot !== here) return boot !== '' && here !== '';
  if (space !== pidSpace()) return false;
  const now = startOf(pid);
  // A start that nobody could read tells nothing; that there is no such process does.
  return now === undefined || (now !== '' && started !== '' && now !== started);
};

/** When a process began, `undefined` when there is none; empty where that cannot be told. */
const startOf = (pid: number): string | undefined => {
  const stat = isProcOurs() ? read(() => readFileSync(`/proc/${pid}/stat`, 'utf8')) : '';
  // Others' processes may be hidden, and not be gone.
  if (stat === '') return isSignalable(pid) ? '' : undefined;
  // The name in parentheses may hold anything; state is field 3 and start time field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : (fields[19] ?? '');
};

/** A pid namespace may have been entered without a /proc of its own: its numbers are others' then. */
const isProcOurs = (): boolean => read(() => readlinkSync('/proc/self')) === String(process.pid);

const isSignalable = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process is alive too.
    return hasCode(error, 'EPERM');
  }
};

const bootId = (): string => read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
const pidSpace = (): string => read(() => readlinkSync('/proc/self/ns/pid'));

/** Where there is no /proc, or no such process in it, there is nothing to say. */
const read = (source: () => string): string => {
  try {
    return source();
  } catch {
    return '';
  }
};
