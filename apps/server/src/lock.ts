import { closeSync, constants, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { ServerError } from './errors.ts';
import { isCode } from './home.ts';

/** Who holds the lock. A pid alone could be somebody else's by now: boot and start time make it certain. */
interface Owner {
  readonly pid: number;
  readonly boot: string;
  readonly started: string;
}

/** Takes the one lock of a state directory; a second server is refused, a dead one's lock is taken over. */
export const takeLock = (path: string): { release(): void } => {
  const me: Owner = { pid: process.pid, boot: bootId(), started: startTime(process.pid) ?? '' };
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
      writeSync(fd, `${JSON.stringify(me)}\n`);
      closeSync(fd);
      return { release: () => rmSync(path, { force: true }) };
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    }
    const owner = readOwner(path);
    if (owner !== undefined && isAlive(owner)) {
      throw new ServerError(
        'ORCA_SERVER_ALREADY_RUNNING',
        `an orca server already runs with this state (pid ${owner.pid}, ${path}); stop it first, or use another ORCA_HOME`,
      );
    }
    rmSync(path, { force: true });
  }
  throw new ServerError('ORCA_SERVER_ALREADY_RUNNING', `another orca server is starting with this state (${path})`);
};

const readOwner = (path: string): Owner | undefined => {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number')
      return undefined;
    const boot = 'boot' in value && typeof value.boot === 'string' ? value.boot : '';
    const started = 'started' in value && typeof value.started === 'string' ? value.started : '';
    return { pid: value.pid, boot, started };
  } catch {
    // Empty or torn: its writer died while writing it, so nobody holds it.
    return undefined;
  }
};

const isAlive = (owner: Owner): boolean => owner.boot === bootId() && startTime(owner.pid) === owner.started;

const bootId = (): string => {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
};

/** Field 22 of /proc/PID/stat: clock ticks after boot at which the process started. */
const startTime = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
};
