import { openPlain, replaceFile } from './durable-file.ts';
import { hasCode, SecretsError } from './errors.ts';
import { withFileLock } from './file-lock.ts';
import { createMasterKey, readMasterKey } from './master-key.ts';
import type { SecretInfo, SecretStore } from './ports.ts';
import { assertSecretName } from './secret-name.ts';
import type { SecretValue } from './secret-value.ts';
import {
  closeVault,
  createVault,
  digestEntry,
  openVault,
  readEntry,
  type Vault,
  withEntry,
  withoutEntry,
} from './vault.ts';
import { formatVaultText, parseVaultText } from './vault-text.ts';

const LONGEST_VALUE_BYTES = 1 << 20;
const LARGEST_FILE_BYTES = 64 << 20;

export interface FileStoreOptions {
  /** The secrets file: sealed, so it may be backed up and kept in git. */
  readonly path: string;
  /** The master key: made at the first `set`, and never again while there is a secrets file. */
  readonly keyPath: string;
}

/** Keeps secrets in one file, sealed with a master key from another. */
export function createFileStore(options: FileStoreOptions): SecretStore {
  const { path } = options;
  const inTurn = createQueue();
  const guard = <T>(work: () => Promise<T>): Promise<T> => atPath(path, work);
  const change = <T>(decide: (vault: Vault) => Change<T>): Promise<T> =>
    inTurn(() => guard(() => changeFile(options, decide)));
  const read = (): Promise<Vault | undefined> => guard(async () => (await readFile(options))?.vault);
  return {
    get: async (name) => {
      const vault = await read();
      return vault && readEntry(vault, name);
    },
    names: async () => infos(await read()),
    digests: async (names) => {
      const vault = await read();
      const digests = names.map((name) => [name, vault && digestEntry(vault, name)] as const);
      return Object.fromEntries(digests.flatMap(([name, digest]) => (digest === undefined ? [] : [[name, digest]])));
    },
    set: async (name, value) => {
      assertSecretName(name);
      assertStorable(name, value);
      return change((vault) => {
        const before = readEntry(vault, name);
        if (before?.equals(value) === true) return { result: 'unchanged' };
        const updated = new Date().toISOString();
        return { result: before === undefined ? 'created' : 'changed', next: withEntry(vault, name, value, updated) };
      });
    },
    delete: async (name) => {
      // Without a file there is nothing to delete, and no reason to make a key.
      if ((await read()) === undefined) return false;
      return change((vault) =>
        vault.text.entries.has(name) ? { result: true, next: withoutEntry(vault, name) } : { result: false },
      );
    },
  };
}

/** Writers of one process wait for each other here, sooner than by polling the lock. */
const createQueue = (): (<T>(work: () => Promise<T>) => Promise<T>) => {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work, work);
    last = result;
    return result;
  };
};

interface Change<T> {
  readonly result: T;
  /** Absent when nothing is to be written. */
  readonly next?: Vault;
}

interface Opened {
  readonly raw: string;
  readonly vault: Vault;
}

const changeFile = <T>(options: FileStoreOptions, decide: (vault: Vault) => Change<T>): Promise<T> =>
  withFileLock(`${options.path}.lock`, async () => {
    const before = await readFile(options);
    const { result, next } = decide(before?.vault ?? (await firstVault(options)));
    if (next === undefined) return result;
    // The lock keeps other orcas out; an editor or a checkout does not ask for it.
    const isAsBefore = async (): Promise<boolean> => (await readRaw(options.path)) === before?.raw;
    if (!(await replaceFile(options.path, formatVaultText(closeVault(next)), isAsBefore))) {
      throw new SecretsError('ORCA_SECRETS_BUSY', 'something else changed the file meanwhile; try again');
    }
    return result;
  });

const firstVault = async ({ keyPath }: FileStoreOptions): Promise<Vault> =>
  createVault((await readMasterKey(keyPath)) ?? (await createMasterKey(keyPath)));

const readFile = async ({ path, keyPath }: FileStoreOptions): Promise<Opened | undefined> => {
  const raw = await readRaw(path);
  if (raw === undefined) return undefined;
  const text = parseVaultText(raw);
  const master = await readMasterKey(keyPath);
  if (master === undefined) {
    throw new SecretsError(
      'ORCA_SECRETS_KEY_MISSING',
      `the master key is not at ${keyPath}; restore it from a backup (a new key could not open these secrets)`,
    );
  }
  return { raw, vault: openVault(text, master) };
};

const readRaw = async (path: string): Promise<string | undefined> => {
  const handle = await openPlain(path);
  if (handle === undefined) return undefined;
  try {
    const { size } = await handle.stat();
    if (size > LARGEST_FILE_BYTES) throw new SecretsError('ORCA_SECRETS_FILE_INVALID', 'the file is too large');
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
};

const infos = (vault: Vault | undefined): readonly SecretInfo[] =>
  [...(vault?.text.entries ?? [])]
    .map(([name, { rev, updated }]) => ({ name, rev, updated }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));

const assertStorable = (name: string, value: SecretValue): void => {
  const text = value.reveal();
  const fault = !text.isWellFormed()
    ? 'is not valid Unicode text'
    : Buffer.byteLength(text) > LONGEST_VALUE_BYTES
      ? 'is larger than 1 MiB'
      : undefined;
  if (fault !== undefined) throw new SecretsError('ORCA_SECRETS_VALUE_INVALID', `${name}: the value ${fault}`);
};

/** Every failure says which file it is about, and every one of the disk says so by its code. */
const atPath = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof SecretsError) throw new SecretsError(cause.code, `${path}: ${cause.message}`, { cause });
    if (hasCode(cause, 'ELOOP')) {
      throw new SecretsError('ORCA_SECRETS_FILE_INVALID', `${path} is a symbolic link; give the file itself`, {
        cause,
      });
    }
    if (cause instanceof Error && 'code' in cause && 'syscall' in cause) {
      throw new SecretsError('ORCA_SECRETS_IO', `${path}: ${cause.message}`, { cause });
    }
    throw cause;
  }
};
