import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { asRecord } from './directory.ts';

/** Who holds a lease. A pid alone may be somebody else's after a restart, and means nothing on another machine. */
export interface Owner {
  readonly host: string;
  readonly boot: string;
  readonly pid: number;
  readonly started: string;
  /** Tells two leases of one process apart. */
  readonly nonce: string;
}

export const thisProcess = (): Owner => ({
  host: hostname(),
  boot: bootId(),
  pid: process.pid,
  started: startOf(process.pid) ?? '',
  nonce: randomBytes(8).toString('hex'),
});

/** Whether the owner has certainly ended; on another machine that cannot be told. */
export const hasEnded = ({ host, boot, pid, started }: Owner): boolean => {
  if (host !== hostname() || boot === '') return false;
  return boot !== bootId() || startOf(pid) !== started;
};

/** `undefined` when the text is no owner: empty, torn, or somebody else's. */
export const parseOwner = (text: string): Owner | undefined => {
  try {
    const { host, boot, pid, started, nonce } = asRecord(JSON.parse(text));
    if (typeof host !== 'string' || typeof boot !== 'string' || typeof started !== 'string') return undefined;
    return typeof pid === 'number' && typeof nonce === 'string' ? { host, boot, pid, started, nonce } : undefined;
  } catch {
    return undefined;
  }
};

/** Field 22 of /proc/PID/stat; the name before it may hold anything. `undefined` when there is no such process. */
const startOf = (pid: number): string | undefined => {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
};

const bootId = (): string => read('/proc/sys/kernel/random/boot_id').trim();

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
