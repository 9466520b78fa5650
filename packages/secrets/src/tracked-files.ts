import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SecretsError } from './errors.ts';
import type { SecretValue } from './secret-value.ts';

export interface TrackedOptions {
  /** The infra root. */
  readonly root: string;
  readonly keyPath: string;
  /** Known values: a tracked file of settings that holds one was written out of the store. */
  readonly values: Iterable<SecretValue>;
}

/** Files that hold settings or secrets by their names; others are not searched for values. */
const PLAIN_NAMES = /^(?:\.env(?:\..+)?|.+\.env|secrets?(?:[.-].*)?)$/i;
/** Never to be tracked, whatever is in it. */
const KEY_NAMES = /^master\.key(?:\..+)?$/;
/** Shorter values may stand in a file by chance. */
const SHORTEST = 6;
const LARGEST_BYTES = 1 << 20;

/**
 * Files of the infra repository that git keeps and must not: a master key, or values written
 * out. Git keeps what was ever committed, so this is said before the next commit, not after.
 */
export const findTracked = async ({ root, keyPath, values }: TrackedOptions): Promise<readonly string[]> => {
  const texts = [...values].map((value) => value.reveal()).filter((text) => text.length >= SHORTEST);
  const beside = dirname(keyPath);
  const inRoot = (await trackedIn(root)).map((path) => join(root, path));
  const inHome = beside === root ? [] : (await trackedIn(beside)).map((path) => join(beside, path));
  const found = await Promise.all(
    [...inRoot.map((path) => [path, texts] as const), ...inHome.map((path) => [path, []] as const)].map(
      async ([path, known]) => ((await isGiveaway(path, known)) ? [path] : []),
    ),
  );
  return found.flat().toSorted();
};

export const assertNotTracked = async (options: TrackedOptions): Promise<void> => {
  const [first, ...others] = await findTracked(options);
  if (first === undefined) return;
  throw new SecretsError(
    'ORCA_SECRETS_TRACKED',
    `git tracks ${[first, ...others].join(', ')}, which must never be committed; take it out: git rm --cached ${first} (if it was pushed, count the secrets as known: orca secrets rotate-key, and new values)`,
  );
};

const isGiveaway = async (path: string, known: readonly string[]): Promise<boolean> => {
  const name = basename(path);
  if (KEY_NAMES.test(name)) return true;
  if (!PLAIN_NAMES.test(name)) return false;
  const text = await textOf(path);
  return text !== undefined && (/^orca-master-key-\d /m.test(text) || known.some((value) => text.includes(value)));
};

/** `undefined` when it is not there any more, or no file of settings by its size. */
const textOf = async (path: string): Promise<string | undefined> => {
  try {
    return (await stat(path)).size > LARGEST_BYTES ? undefined : await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** Paths that git tracks below a directory; none where it is no repository, or there is no git. */
const trackedIn = (directory: string): Promise<readonly string[]> =>
  new Promise((done) => {
    // Nothing that the repository configures may run: neither hooks nor a file system monitor.
    const settings = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '-c', 'safe.directory=*'];
    const args = [...settings, 'ls-files', '-z', '--cached'];
    const env = { PATH: process.env['PATH'], GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' };
    execFile('git', args, { cwd: directory, env, timeout: 10_000, maxBuffer: 64 << 20 }, (error, stdout) =>
      done(error === null ? stdout.split('\0').filter((path) => path !== '') : []),
    );
  });
