import { openPlain, replaceFile } from './durable-file.ts';
import { hasCode, SecretsError } from './errors.ts';
import { withFileLock } from './file-lock.ts';
import { createMasterKeys, type MasterKeyOptions, type MasterKeys } from './master-key.ts';
import { createSeenGenerations, type SeenGeneration, type SeenGenerations } from './seen-generations.ts';
import { checkValue, closeVault, createVault, openVault, type Vault, vaultId } from './vault.ts';
import { formatVaultText, parseVaultText, type VaultText } from './vault-text.ts';

const LARGEST_FILE_BYTES = 64 << 20;

export interface VaultFileOptions extends MasterKeyOptions {
  /** The secrets file: sealed, so it may be backed up and kept in git. */
  readonly path: string;
  /** Where it is remembered how far the file had come; without it an older file is not noticed. */
  readonly seenPath?: string;
  /** Takes the file as it is, also when it is older than what was seen before. */
  readonly acceptOlder?: boolean;
}

export interface Change<T> {
  readonly result: T;
  /** Absent when nothing is to be written. */
  readonly next?: Vault;
}

export interface VaultFile {
  readonly keys: MasterKeys;
  /** `undefined` when there is no file. */
  read(): Promise<Vault | undefined>;
  /** Decides on the newest state, alone, and writes what was decided. A first write makes file and key. */
  change<T>(decide: (vault: Vault) => Change<T>): Promise<T>;
  /** Gives every failure of `work` the file's name, and those of the disk their code. */
  guard<T>(work: () => Promise<T>): Promise<T>;
}

export const createVaultFile = (options: VaultFileOptions): VaultFile => {
  const { path } = options;
  const keys = createMasterKeys(options);
  const seen = options.seenPath === undefined ? undefined : createSeenGenerations(options.seenPath);
  const open = async (): Promise<Opened | undefined> => {
    // First the memory, then the file: whoever writes meanwhile does it the other way round.
    const last = await seen?.of(path);
    const raw = await readRaw(path);
    if (raw === undefined) return undefined;
    const vault = await openText(parseVaultText(raw), keys, options.keyPath);
    await assertNotOlder(vault, { seen, last }, options);
    return { raw, vault };
  };
  const guard = <T>(work: () => Promise<T>): Promise<T> => atPath(path, work);
  return {
    keys,
    guard,
    read: () => guard(async () => (await open())?.vault),
    change: (decide) =>
      guard(() =>
        withFileLock(`${path}.lock`, async () => {
          const before = await open();
          const { result, next } = decide(before?.vault ?? (await firstVault(keys)));
          if (next === undefined) return result;
          // The lock keeps other orcas out; an editor or a checkout does not ask for it.
          const isAsBefore = async (): Promise<boolean> => (await readRaw(path)) === before?.raw;
          if (!(await replaceFile(path, formatVaultText(closeVault(next)), isAsBefore)))
            throw new SecretsError('ORCA_SECRETS_BUSY', 'something else changed the file meanwhile; try again');
          await lossy(seen?.replace(path, generationOf(next)));
          return result;
        }),
      ),
  };
};

interface Opened {
  readonly raw: string;
  readonly vault: Vault;
}

const firstVault = async (keys: MasterKeys): Promise<Vault> =>
  createVault((await keys.read()) ?? (await keys.create()));

/** With the key in use, or with the one that the file asks for where keys are being rotated or were. */
const openText = async (text: VaultText, keys: MasterKeys, keyPath: string): Promise<Vault> => {
  const master = await keys.read();
  if (master !== undefined && checkValue(master) === text.kcv) return openAndWipe(text, master);
  for await (const other of keys.others(text.kcv)) if (checkValue(other) === text.kcv) return openAndWipe(text, other);
  if (master !== undefined) return openAndWipe(text, master);
  throw new SecretsError(
    'ORCA_SECRETS_KEY_MISSING',
    `the master key is not at ${keyPath}; restore it from a backup or from your recovery sheet (a new key could not open these secrets)`,
  );
};

/** Best effort: Node may have copied it, and its text was a string, which cannot be wiped. */
const openAndWipe = (text: VaultText, master: Uint8Array): Vault => {
  try {
    return openVault(text, master);
  } finally {
    master.fill(0);
  }
};

const assertNotOlder = async (
  vault: Vault,
  { seen, last }: { readonly seen: SeenGenerations | undefined; readonly last: SeenGeneration | undefined },
  { path, acceptOlder = false }: VaultFileOptions,
): Promise<void> => {
  const isNew = last === undefined || (last.id === vaultId(vault) && last.gen <= vault.text.gen);
  if (!isNew && !acceptOlder) {
    const { gen } = vault.text;
    const what =
      last.id === vaultId(vault)
        ? `is older than what was seen here before: generation ${gen}, and ${last.gen} was seen`
        : 'is another file than was seen here before';
    throw new SecretsError(
      'ORCA_SECRETS_OLDER',
      `${what}. Was it restored from a backup, or a commit taken back? If that is meant: orca secrets verify --accept-older`,
    );
  }
  if (!isNew) await seen?.replace(path, generationOf(vault));
  else if (last?.gen !== vault.text.gen) await lossy(seen?.raise(path, generationOf(vault)));
};

const generationOf = (vault: Vault): SeenGeneration => ({ id: vaultId(vault), gen: vault.text.gen });

/** The secrets are safe as they are; what is lost is only that an older file would be noticed. */
const lossy = async (work: Promise<void> | undefined): Promise<void> => work?.catch(() => undefined);

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
