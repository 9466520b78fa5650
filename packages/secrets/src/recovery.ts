import { SecretsError } from './errors.ts';
import { isProtected } from './key-text.ts';
import { createMasterKeys, keptKeyPath, nextKeyPath, type MasterKeyOptions } from './master-key.ts';
import { readPrivateFile } from './private-file.ts';
import { checkValue } from './vault.ts';

export interface RecoveryOptions extends MasterKeyOptions {
  /** The secrets file that the key opens. */
  readonly path: string;
  /** Begins the key's check value, so that the right sheet can be told. */
  readonly keyId: string;
  readonly now: Date;
}

/** A page to be printed and locked away: the key, and how the secrets are brought back with it. */
export const recoverySheet = async (o: RecoveryOptions): Promise<string> => {
  const line = await keyTextOf(o);
  const passphrase = isProtected(line)
    ? ['The key is protected: the passphrase is needed as well, and is not on this page.', '']
    : ['Whoever has this page and the secrets file has all secrets.', ''];
  return [
    `orca: recovery of the secrets in ${o.path}`,
    `key ${o.keyId}, printed ${o.now.toISOString()}`,
    '',
    ...passphrase,
    'Needed: this page, and the file secrets.json (from git, or from a backup).',
    '',
    '1. Put secrets.json back into the infra repository, beside cluster.toml.',
    `2. Write the key, on the machine that runs orca, as the user who runs it:`,
    '',
    `   (umask 077 && mkdir -p '${directoryOf(o.keyPath)}' && cat > '${o.keyPath}') <<'END'`,
    line,
    'END',
    '',
    '3. See that it fits:      orca secrets verify --accept-older',
    '4. Take it into use:      orca deploy',
    '5. If this page was seen: orca secrets rotate-key, then print a new one (orca secrets export --recovery)',
    '',
  ].join('\n');
};

/** The key that opens this file, not merely the one in use: after a rotation elsewhere they are two. */
const keyTextOf = async (o: RecoveryOptions): Promise<string> => {
  const keys = createMasterKeys(o);
  for (const path of [o.keyPath, nextKeyPath(o.keyPath), keptKeyPath(o.keyPath, o.keyId)]) {
    const text = (await readPrivateFile(path, o.keyPrivacy ?? 'own'))?.trim();
    if (text === undefined) continue;
    const key = await keys.read(path);
    if (key !== undefined && checkValue(key).startsWith(o.keyId)) return text;
  }
  throw new SecretsError(
    'ORCA_SECRETS_KEY_MISSING',
    `no master key at ${o.keyPath} or beside it opens ${o.path} (it asks for ${o.keyId})`,
  );
};

const directoryOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')));
