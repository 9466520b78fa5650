import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

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
  started: lookUp(process.pid) ?? '',
  nonce: randomBytes(6).toString('hex'),
});

/** Whether the owner has certainly ended. What cannot be judged from here counts as alive. */
export const hasEnded = (owner: Owner): boolean => {
  if (owner.host !== hostname()) return false;
  if (owner.boot !== bootId()) return true;
  if (owner.space !== pidSpace()) return false;
  return lookUp(owner.pid) !== owner.started;
};

/** The start time of a running process; `undefined` when there is none. */
const lookUp = (pid: number): string | undefined => {
  if (process.platform !== 'linux') return isSignalable(pid) ? '' : undefined;
  const stat = read(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The name in parentheses may hold anything; state is field 3 and start time field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
};

const isSignalable = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process is alive too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
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
