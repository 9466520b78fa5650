import { randomBytes } from 'node:crypto';
import { link, rename, rm } from 'node:fs/promises';
import { createFile, replaceFile, syncDirectoryOf } from './durable-file.ts';
import { hasCode, SecretsError } from './errors.ts';
import { withFileLock } from './file-lock.ts';
import { formatKey, isProtected, protectKey } from './key-text.ts';
import { keptKeyPath, nextKeyPath } from './master-key.ts';
import { readPrivateFile } from './private-file.ts';
import { KEY_BYTES } from './seal.ts';
import { checkValue, withMasterKey, withNewDataKey } from './vault.ts';
import type { VaultFile, VaultFileOptions } from './vault-file.ts';

export interface RotateOptions {
  /** The new key is sealed with it; an empty one takes the protection away; absent, it stays as it is. */
  readonly passphrase?: string;
  /** Only the master key: values keep their data key. */
  readonly masterOnly?: boolean;
}

export interface Rotation {
  /** Begins the check value of the new master key. */
  readonly keyId: string;
  /** Where the key stays that was in use until now: other repositories and backups may need it. */
  readonly keptAt: string | undefined;
  /** An earlier rotation had not come to its end, and now has. */
  readonly isResumed: boolean;
}

/**
 * A new master key, and a new data key for the values. In this order, so that at every moment
 * some key at its place opens the file, and whoever comes after a crash can go on:
 * the new key is written beside the old one; the secrets are sealed for it; it takes the old
 * one's place, which is kept.
 */
export const rotateKeys = async (
  file: VaultFile,
  { keyPath, keyPrivacy = 'own' }: VaultFileOptions,
  options: RotateOptions,
): Promise<Rotation> => {
  if (keyPrivacy === 'credential') {
    throw new SecretsError(
      'ORCA_SECRETS_KEY_UNSAFE',
      `${keyPath} is handed over by systemd and cannot be replaced from here; rotate with ORCA_MASTER_KEY_FILE set to a copy, then install that as the credential`,
    );
  }
  return withFileLock(`${keyPath}.lock`, async () => {
    const old = await file.keys.read();
    const nextPath = nextKeyPath(keyPath);
    const begun = await file.keys.read(nextPath);
    const next = begun ?? randomBytes(KEY_BYTES);
    await writeKey(nextPath, await textOf(next, keyPath, old, options), begun !== undefined);
    await file.change((vault) => {
      if (vault.text.kcv === checkValue(next)) return { result: undefined };
      const change = options.masterOnly === true ? withMasterKey : withNewDataKey;
      return { result: undefined, next: change(vault, next) };
    });
    const keptAt = old === undefined ? undefined : keptKeyPath(keyPath, checkValue(old));
    if (keptAt !== undefined) await keep(keyPath, keptAt);
    await rename(nextPath, keyPath);
    await syncDirectoryOf(keyPath);
    return { keyId: checkValue(next).slice(0, 8), keptAt, isResumed: begun !== undefined };
  });
};

const textOf = async (
  next: Uint8Array,
  keyPath: string,
  old: Uint8Array | undefined,
  { passphrase }: RotateOptions,
): Promise<string> => {
  if (passphrase !== undefined) return passphrase === '' ? formatKey(next) : protectKey(next, passphrase);
  const text = old === undefined ? undefined : await readPrivateFile(keyPath, 'own');
  if (text === undefined || !isProtected(text)) return formatKey(next);
  throw new SecretsError(
    'ORCA_SECRETS_KEY_LOCKED',
    'the key is protected by a passphrase: say one for the new key (--passphrase), or that it is to have none (--no-passphrase)',
  );
};

const writeKey = async (path: string, text: string, isThere: boolean): Promise<void> => {
  // A rotation that was cut off left it: the same key, perhaps with another protection. The secrets may need it already.
  if (isThere) await replaceFile(path, text, async () => true);
  else await createFile(path, text, 'new');
  await rm(`${path}.new.tmp`, { force: true });
};

const keep = async (keyPath: string, keptAt: string): Promise<void> => {
  try {
    await link(keyPath, keptAt);
  } catch (error) {
    // Cut off between this and the rename: it is kept already.
    if (!hasCode(error, 'EEXIST')) throw error;
  }
};
