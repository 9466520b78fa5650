import { stat } from 'node:fs/promises';
import { assertNotTracked, findStrayFiles, type SecretStore } from '@orca/secrets';
import type { Issue } from '@orca/spec';
import { messageOf } from './wire.ts';

/** What is looked at around the secrets file. */
export interface FileGuards {
  /** Throws when git tracks a key, or values that were written out. */
  assertNotTracked(): Promise<void>;
  /** Secrets files that nobody reads, where somebody may have expected them to be read. */
  strayWarnings(): Promise<readonly Issue[]>;
  /** Another one whenever the secrets file was replaced; `undefined` while there is none. */
  stamp(): Promise<string | undefined>;
}

export interface FileGuardOptions {
  readonly root: string;
  readonly path: string;
  readonly keyPath: string;
  readonly store: SecretStore;
  /** Where people may have stood when they set a secret: earlier versions wrote it there. */
  readonly directories: readonly string[];
}

export const createFileGuards = (o: FileGuardOptions): FileGuards => ({
  assertNotTracked: async () =>
    assertNotTracked({ root: o.root, keyPath: o.keyPath, values: (await o.store.values()).values() }),
  stamp: async () => {
    const file = await stat(o.path, { bigint: true }).catch(() => undefined);
    return file && `${file.ino} ${file.mtimeNs} ${file.size}`;
  },
  strayWarnings: async () =>
    (await findStrayFiles(o.path, o.directories)).map((file) => ({
      severity: 'warning',
      file,
      line: 1,
      col: 1,
      path: '',
      message: `is not read: the secrets are in ${o.path}. Set them there (orca secrets set NAME), then remove this file`,
    })),
});

/** Secrets that cannot be read are a fault of their file, like any other: nothing is changed, and it is said why. */
export const secretsFault = async (use: () => Promise<void>): Promise<Issue | undefined> => {
  try {
    await use();
    return undefined;
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
    if (!code.startsWith('ORCA_SECRETS_')) throw error;
    return { severity: 'error', file: 'secrets.json', line: 1, col: 1, path: '', message: messageOf(error) };
  }
};
