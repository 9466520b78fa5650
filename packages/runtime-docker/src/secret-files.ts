import { randomBytes } from 'node:crypto';
import { chown, lstat, mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ContainerInspectInfo } from 'dockerode';
import type { InstanceKey } from '@orca/reconcile';
import { RuntimeError } from './errors.ts';

/** A file with its content, for one container. */
export interface RenderedFile {
  /** Absolute path in the container. */
  readonly target: string;
  readonly text: string;
  readonly uid: number | undefined;
}

/** A file on the host and the place in the container where it is to be mounted. */
export interface PlacedFile {
  readonly source: string;
  readonly target: string;
}

/**
 * Files with secrets, on a file system in memory of this machine. A directory for each
 * instance, so that a replaced one keeps what it was started with. Writing is idempotent: what
 * is there stays, because a running container holds that very file.
 */
export interface SecretFiles {
  place(key: InstanceKey, files: readonly RenderedFile[]): Promise<readonly PlacedFile[]>;
  /** Makes `uid` the owner of those that name none themselves. */
  own(key: InstanceKey, files: readonly RenderedFile[], uid: number): Promise<void>;
  /** Mounted files that are not there any more. */
  missing(info: ContainerInspectInfo): Promise<readonly string[]>;
  /** Whether it has any. */
  isMounted(info: ContainerInspectInfo): boolean;
  remove(key: InstanceKey): Promise<void>;
  /** Removes what belongs to none of these and was made before that moment (milliseconds of the epoch). */
  sweep(keys: ReadonlySet<InstanceKey>, olderThan: number): Promise<void>;
}

/** What statfs(2) says of file systems whose content never reaches a disk by itself. */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);
const OWNER_ONLY = 0o400;

/** The first that lies in memory is taken: /run does on every machine with systemd. */
export const defaultSecretDirs = (uid: number): readonly string[] => ['/run/orca', `/dev/shm/orca-${uid}`];

export const createSecretFiles = (candidates: readonly string[], cluster: string): SecretFiles => {
  let found: Promise<string> | undefined;
  const base = async (): Promise<string> => {
    found ??= findBase(candidates).then((directory) => join(directory, cluster));
    // A failed try says nothing about the next.
    found.catch(() => (found = undefined));
    return found;
  };
  const directoryOf = async (key: InstanceKey): Promise<string> => join(await base(), directoryName(key));
  const isOurs = (source: string): boolean =>
    candidates.some((directory) => source.startsWith(`${join(directory, cluster)}/`));
  const sources = (info: ContainerInspectInfo): readonly string[] =>
    (info.HostConfig.Mounts ?? []).map(({ Source }) => Source).filter(isOurs);
  return {
    place: async (key, files) => {
      const directory = await directoryOf(key);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const placed = files.map(({ target }, index) => ({ source: join(directory, String(index)), target }));
      for (const [index, { text, uid }] of files.entries()) {
        const source = join(directory, String(index));
        if (!(await exists(source))) await writeOnce(source, text, uid ?? process.geteuid?.() ?? 0);
      }
      return placed;
    },
    own: async (key, files, uid) => {
      const directory = await directoryOf(key);
      for (const [index, file] of files.entries())
        if (file.uid === undefined) await changeOwner(join(directory, String(index)), uid);
    },
    isMounted: (info) => sources(info).length > 0,
    missing: async (info) => {
      const gone = await Promise.all(sources(info).map(async (source) => ((await exists(source)) ? [] : [source])));
      return gone.flat();
    },
    remove: async (key) => {
      for (const directory of candidates)
        await rm(join(directory, cluster, directoryName(key)), { recursive: true, force: true });
    },
    sweep: async (keys, olderThan) => {
      const kept = new Set([...keys].map(directoryName));
      for (const candidate of candidates) {
        const directory = join(candidate, cluster);
        const names = await readdir(directory).catch(() => []);
        for (const name of names.filter((n) => !kept.has(n))) {
          const path = join(directory, name);
          const made = await lstat(path).catch(() => undefined);
          if (made !== undefined && made.mtimeMs < olderThan) await rm(path, { recursive: true, force: true });
        }
      }
    },
  };
};

/** `web/1@h1:abc` as the name of a directory; a service's name has neither `/` nor `@`. */
const directoryName = (key: InstanceKey): string => key.replaceAll(/[^A-Za-z0-9_.-]/g, '_');

const findBase = async (candidates: readonly string[]): Promise<string> => {
  for (const directory of candidates) {
    if (!(await isInMemory(directory))) continue;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const { uid, mode } = await lstat(directory);
    const isSafe = uid === process.geteuid?.() && (mode & 0o170_000) === 0o040_000 && (mode & 0o022) === 0;
    if (isSafe) return directory;
    throw new RuntimeError(
      'ORCA_RUNTIME_SECRET_FILES',
      `${directory} is not a directory of ours alone; remove it, or name another place: ORCA_RUN_DIR`,
      { retryable: false },
    );
  }
  throw new RuntimeError(
    'ORCA_RUNTIME_SECRET_FILES',
    `secret files need a file system in memory (tmpfs), and none is at ${candidates.join(' or ')}; mount one and name it in ORCA_RUN_DIR`,
    { retryable: false },
  );
};

const isInMemory = async (directory: string): Promise<boolean> => {
  // What is not there yet is where its nearest ancestor is.
  for (let path = directory; ; path = dirname(path)) {
    try {
      return IN_MEMORY.has((await statfs(path)).type);
    } catch {
      if (path === dirname(path)) return false;
    }
  }
};

/** Whole and with its owner, or not at all; unreadable to everybody else from its first byte. */
const writeOnce = async (path: string, text: string, uid: number): Promise<void> => {
  const temporary = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    const handle = await open(temporary, 'wx', OWNER_ONLY);
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
    await changeOwner(temporary, uid);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
};

const changeOwner = async (path: string, uid: number): Promise<void> => {
  const now = await lstat(path);
  if (now.uid === uid) return;
  try {
    await chown(path, uid, now.gid);
  } catch (cause) {
    throw new RuntimeError(
      'ORCA_RUNTIME_SECRET_FILES',
      `a secret file cannot be given to user ${uid}: orca needs to be root or to have CAP_CHOWN for that`,
      { retryable: false, cause },
    );
  }
};

const exists = async (path: string): Promise<boolean> => {
  try {
    return (await lstat(path)).isFile();
  } catch {
    return false;
  }
};
