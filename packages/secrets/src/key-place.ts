import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { MasterKeyOptions } from './master-key.ts';
import type { PassphraseSource } from './key-text.ts';
import { readPrivateFile } from './private-file.ts';

export interface KeyPlaceOptions {
  /** `~/.orca`, where the key is unless the environment names another place. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Asks a person, where there is one; a file that holds the passphrase comes first. */
  readonly ask?: PassphraseSource;
}

/** Names of the files that a systemd unit hands over: `LoadCredential=master.key:…`. */
const CREDENTIAL = 'master.key';
const PASSPHRASE_CREDENTIAL = 'master.passphrase';

/**
 * Where the master key is, first match wins: `ORCA_MASTER_KEY_FILE`, the credential
 * `master.key` of the systemd unit, `master.key` in the home. The passphrase, if it needs one:
 * `ORCA_PASSPHRASE_FILE`, the credential `master.passphrase`, a question.
 */
export function findMasterKey({ home, env, cwd, ask }: KeyPlaceOptions): MasterKeyOptions {
  const named = given(env['ORCA_MASTER_KEY_FILE']);
  const credentials = given(env['CREDENTIALS_DIRECTORY']);
  const credential = (name: string): string | undefined => {
    const path = credentials === undefined ? undefined : join(credentials, name);
    return path !== undefined && existsSync(path) ? path : undefined;
  };
  const passphraseFile = given(env['ORCA_PASSPHRASE_FILE']);
  const handed = credential(PASSPHRASE_CREDENTIAL);
  const passphrase: PassphraseSource = async () => {
    if (passphraseFile !== undefined) return oneLine(await readPrivateFile(resolve(cwd, passphraseFile), 'own'));
    if (handed !== undefined) return oneLine(await readPrivateFile(handed, 'credential'));
    return ask?.();
  };
  if (named !== undefined) return { keyPath: resolve(cwd, named), keyPrivacy: 'own', passphrase };
  const path = credential(CREDENTIAL);
  if (path !== undefined) return { keyPath: path, keyPrivacy: 'credential', passphrase };
  return { keyPath: join(home, 'master.key'), keyPrivacy: 'own', passphrase };
}

const given = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
const oneLine = (text: string | undefined): string | undefined => text?.replace(/\r?\n$/, '');
