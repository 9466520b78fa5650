import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createFile } from './durable-file.ts';
import { SecretsError } from './errors.ts';
import { createKeyReader, formatKey, type PassphraseSource } from './key-text.ts';
import { type Privacy, readPrivateFile } from './private-file.ts';
import { KEY_BYTES } from './seal.ts';

export interface MasterKeyOptions {
  /** The master key: made at the first `set`, and never again while there is a secrets file. */
  readonly keyPath: string;
  /** Who keeps it there; `own` unless told. A `credential` is never written. */
  readonly keyPrivacy?: Privacy;
  /** Asked when the key file is protected. */
  readonly passphrase?: PassphraseSource;
}

/** The keys at a place: the one in use, the one that is to follow it, and earlier ones that were kept. */
export interface MasterKeys {
  /** `undefined` when there is no file; one that others may read or replace is refused. */
  read(path?: string): Promise<Uint8Array | undefined>;
  /** Makes a key where there is none; if somebody was faster, theirs is the key. */
  create(): Promise<Uint8Array>;
  /** Keys that a file may ask for by its check value although the one in use does not open it. */
  others(checkValue: string): AsyncIterable<Uint8Array>;
}

/** While keys are being rotated the new one waits here; it opens the secrets as soon as they ask for it. */
export const nextKeyPath = (keyPath: string): string => `${keyPath}.next`;

/** Where a key stays that was in use: named for its check value, so that none takes another's place. */
export const keptKeyPath = (keyPath: string, checkValue: string): string => `${keyPath}.${checkValue.slice(0, 8)}`;

export const createMasterKeys = (options: MasterKeyOptions): MasterKeys => {
  const { keyPath, keyPrivacy = 'own' } = options;
  const reader = createKeyReader(options.passphrase);
  const read = async (path: string = keyPath): Promise<Uint8Array | undefined> => {
    const text = await readPrivateFile(path, keyPrivacy);
    return text === undefined ? undefined : reader.parse(text, path);
  };
  return {
    read,
    create: async () => {
      await mkdir(dirname(keyPath), { recursive: true, mode: 0o700 });
      await createFile(keyPath, formatKey(randomBytes(KEY_BYTES)), randomBytes(6).toString('hex'));
      const key = await read();
      if (key !== undefined) return key;
      throw new SecretsError('ORCA_SECRETS_KEY_MISSING', `${keyPath} vanished after it was written`);
    },
    others: async function* (checkValue) {
      // A check value comes from the file: only hexadecimal digits may become part of a path.
      const kept = /^[0-9a-f]{8}/.test(checkValue) ? [keptKeyPath(keyPath, checkValue)] : [];
      for (const path of [nextKeyPath(keyPath), ...kept]) {
        const key = await read(path);
        if (key !== undefined) yield key;
      }
    },
  };
};
