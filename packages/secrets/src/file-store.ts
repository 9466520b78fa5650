import { SecretsError } from './errors.ts';
import { rotateKeys, type RotateOptions, type Rotation } from './key-rotation.ts';
import type { SecretInfo, SecretStore } from './ports.ts';
import { assertSecretName } from './secret-name.ts';
import type { SecretValue } from './secret-value.ts';
import { digestEntry, readEntry, type Vault, withEntry, withoutEntry } from './vault.ts';
import { type Change, createVaultFile, type VaultFileOptions } from './vault-file.ts';

const LONGEST_VALUE_BYTES = 1 << 20;

export type FileStoreOptions = VaultFileOptions;

/** What can be said of a secrets file that is whole. */
export interface FileState {
  readonly count: number;
  /** Counts the writes. */
  readonly gen: number;
  /** Begins the check value of the master key that opens it. */
  readonly keyId: string;
}

export interface FileStore extends SecretStore {
  /** Opens the file and every value in it; `undefined` when there is no file. Throws what is wrong otherwise. */
  verify(): Promise<FileState | undefined>;
  /** New keys; the values, their revisions and digests stay. Goes on where an earlier one was cut off. */
  rotateKeys(options?: RotateOptions): Promise<Rotation>;
}

/** Keeps secrets in one file, sealed with a master key from another. */
export function createFileStore(options: FileStoreOptions): FileStore {
  const file = createVaultFile(options);
  const inTurn = createQueue();
  const change = <T>(decide: (vault: Vault) => Change<T>): Promise<T> => inTurn(() => file.change(decide));
  return {
    get: async (name) => {
      const vault = await file.read();
      return vault && readEntry(vault, name);
    },
    names: async () => infos(await file.read()),
    values: async () => await file.guard(async () => valuesOf(await file.read())),
    digests: async (names) => {
      const vault = await file.read();
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
      if ((await file.read()) === undefined) return false;
      return change((vault) =>
        vault.text.entries.has(name) ? { result: true, next: withoutEntry(vault, name) } : { result: false },
      );
    },
    verify: async () => {
      const vault = await file.read();
      if (vault === undefined) return undefined;
      const { count, gen, kcv } = { count: valuesOf(vault).size, ...vault.text };
      return { count, gen, keyId: kcv.slice(0, 8) };
    },
    rotateKeys: (how = {}) =>
      inTurn(async () => {
        if ((await file.read()) === undefined)
          throw new SecretsError('ORCA_SECRETS_KEY_MISSING', `${options.path}: there are no secrets yet`);
        return file.guard(() => rotateKeys(file, options, how));
      }),
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

const valuesOf = (vault: Vault | undefined): ReadonlyMap<string, SecretValue> =>
  new Map(
    [...(vault?.text.entries.keys() ?? [])].flatMap((name) => {
      const value = vault && readEntry(vault, name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );

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
