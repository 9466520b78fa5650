import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { membersOf } from './calls.ts';

/** A process for certain: a number alone may be another one's by now. */
export interface Owner {
  readonly pid: number;
  readonly boot: string;
  /** Clock ticks after boot at which it started. */
  readonly started: string;
}

export const thisProcess = (): Owner => ({ pid: process.pid, boot: bootId(), started: startOf(process.pid) ?? '' });

export const isAlive = (owner: Owner): boolean =>
  owner.boot === bootId() && owner.started !== '' && startOf(owner.pid) === owner.started;

/** Who the file names; `undefined` without a file, or with a damaged one. */
export const readOwner = (path: string): Owner | undefined => {
  try {
    const { pid, boot, started } = membersOf(JSON.parse(readFileSync(path, 'utf8')));
    if (typeof pid !== 'number' || typeof boot !== 'string' || typeof started !== 'string') return undefined;
    return { pid, boot, started };
  } catch {
    return undefined;
  }
};

/** Puts this process's name in the file unless a living one's is there; that one is returned. */
export const claim = (path: string): Owner | undefined => {
  const me = thisProcess();
  const mine = `${path}.${me.pid}`;
  writeFileSync(mine, `${JSON.stringify(me)}\n`, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      try {
        // Fails where `rename` would replace.
        linkSync(mine, path);
        return undefined;
      } catch {
        const owner = readOwner(path);
        if (owner !== undefined && isAlive(owner)) return owner;
        // Only the file that was just judged is taken away, not one that another claimed meanwhile.
        const judged = `${mine}.old`;
        try {
          renameSync(path, judged);
        } catch {
          continue;
        }
        const taken = readOwner(judged);
        if (taken !== undefined && isAlive(taken)) renameSync(judged, path);
        else rmSync(judged, { force: true });
      }
    }
    return readOwner(path);
  } finally {
    rmSync(mine, { force: true });
  }
};

/** Puts this process's name in the place of its predecessor's. */
export const takeOver = (path: string): void => {
  const me = thisProcess();
  const mine = `${path}.${me.pid}`;
  writeFileSync(mine, `${JSON.stringify(me)}\n`, { mode: 0o600 });
  renameSync(mine, path);
};

/** Takes this process's name away; false when another's is there, which is left alone. */
export const disclaim = (path: string): boolean => {
  if (readOwner(path)?.pid !== process.pid) return false;
  rmSync(path, { force: true });
  return true;
};

/** Changes with every start of the machine. */
export const bootId = (): string => read('/proc/sys/kernel/random/boot_id').trim();

/** Field 22 of /proc/PID/stat; `undefined` when there is no such process, or it only waits to be reaped. */
const startOf = (pid: number): string | undefined => {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
};

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
