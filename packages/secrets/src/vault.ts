import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { digestSecret } from './digest.ts';
import { SecretsError } from './errors.ts';
import { derive, KEY_BYTES, open, seal, type Sealed } from './seal.ts';
import { SecretValue } from './secret-value.ts';
import { FORMAT, type SealedEntry, type VaultText } from './vault-text.ts';

/**
 * The content of a secrets file, opened. The master key only wraps two keys made for this
 * file: the data key, of which values and the file's MAC have a part each, and the digest
 * key. So a new master key rewrites one field, and a new data key leaves the digests, and
 * with them every running container, as they are.
 */
export interface Vault {
  readonly text: Omit<VaultText, 'mac'>;
  readonly keys: Keys;
}

interface Keys {
  /** Data key and digest key, as they are wrapped. */
  readonly pair: Uint8Array;
  readonly value: Uint8Array;
  readonly mac: Uint8Array;
  readonly digest: Uint8Array;
}

export const createVault = (master: Uint8Array): Vault => {
  const kid = newKeyId();
  const pair = randomBytes(2 * KEY_BYTES);
  return {
    text: { format: FORMAT, kid, gen: 0, ...wrap(pair, kid, master), entries: new Map() },
    keys: split(pair),
  };
};

/** The same content under another master key: one field is rewritten. */
export const withMasterKey = (vault: Vault, master: Uint8Array): Vault => {
  const { text, keys } = vault;
  return { keys, text: { ...text, gen: text.gen + 1, ...wrap(keys.pair, text.kid, master) } };
};

/** The same values, each sealed anew with another data key. Digests stay, and with them what runs. */
export const withNewDataKey = (vault: Vault, master: Uint8Array): Vault => {
  const kid = newKeyId();
  const pair = Buffer.concat([randomBytes(KEY_BYTES), vault.keys.digest]);
  const next: Vault = {
    keys: split(pair),
    text: { ...vault.text, kid, gen: vault.text.gen + 1, ...wrap(pair, kid, master), entries: new Map() },
  };
  const entries = [...vault.text.entries].map(([name, { rev, updated }]): [string, SealedEntry] => {
    const value = readEntry(vault, name);
    if (value === undefined) throw tampered(`changed: ${name}`);
    return [
      name,
      { ...seal(Buffer.from(value.reveal()), next.keys.value, entryContext(next, name, rev)), rev, updated },
    ];
  });
  return { ...next, text: { ...next.text, entries: new Map(entries) } };
};

/** Names the file for as long as it lives, whatever its keys. */
export const vaultId = ({ keys }: Vault): string => Buffer.from(derive(keys.digest, 'id', 8)).toString('hex');

/** Opens it, or throws: a wrong key and a changed file are told apart, and nothing in between is accepted. */
export const openVault = (text: VaultText, master: Uint8Array): Vault => {
  if (text.kcv !== checkValue(master)) {
    throw new SecretsError(
      'ORCA_SECRETS_KEY_WRONG',
      `the secrets were sealed with another master key (they ask for ${text.kcv.slice(0, 8)}, this one is ${checkValue(master).slice(0, 8)})`,
    );
  }
  const pair = open(text.wrapped_dek, derive(master, 'wrap'), wrapContext(text.kid));
  if (pair?.length !== 2 * KEY_BYTES) throw tampered('its data key was changed');
  const vault: Vault = { text, keys: split(pair) };
  if (!isSame(text.mac, macOf(vault))) {
    const changed = [...text.entries.keys()].filter((name) => tryEntry(vault, name) === undefined);
    throw tampered(
      changed.length > 0
        ? `changed: ${changed.join(', ')}`
        : 'entries were added, removed or put back, or its header was changed',
    );
  }
  return vault;
};

/** The vault as text to be written, with a MAC over all of it. */
export const closeVault = (vault: Vault): VaultText => ({ ...vault.text, mac: macOf(vault) });

export const readEntry = (vault: Vault, name: string): SecretValue | undefined => {
  if (!vault.text.entries.has(name)) return undefined;
  const value = tryEntry(vault, name);
  if (value === undefined) throw tampered(`changed: ${name}`);
  return value;
};

export const digestEntry = (vault: Vault, name: string): string | undefined => {
  const value = readEntry(vault, name);
  return value === undefined ? undefined : digestSecret(name, value, vault.keys.digest);
};

export const withEntry = (vault: Vault, name: string, value: SecretValue, updated: string): Vault => {
  const rev = (vault.text.entries.get(name)?.rev ?? 0) + 1;
  const sealed = seal(Buffer.from(value.reveal()), vault.keys.value, entryContext(vault, name, rev));
  return next(vault, new Map([...vault.text.entries, [name, { ...sealed, rev, updated }]]));
};

export const withoutEntry = (vault: Vault, name: string): Vault =>
  next(vault, new Map([...vault.text.entries].filter(([other]) => other !== name)));

const next = (vault: Vault, entries: ReadonlyMap<string, SealedEntry>): Vault => ({
  ...vault,
  text: { ...vault.text, gen: vault.text.gen + 1, entries },
});

const tryEntry = (vault: Vault, name: string): SecretValue | undefined => {
  const entry = vault.text.entries.get(name);
  const plain = entry && open(entry, vault.keys.value, entryContext(vault, name, entry.rev));
  return plain && SecretValue.of(Buffer.from(plain).toString());
};

const newKeyId = (): string => randomBytes(8).toString('hex');

const wrap = (pair: Uint8Array, kid: string, master: Uint8Array): Pick<VaultText, 'kcv' | 'wrapped_dek'> => ({
  kcv: checkValue(master),
  wrapped_dek: seal(pair, derive(master, 'wrap'), wrapContext(kid)),
});

const split = (pair: Uint8Array): Keys => {
  const data = pair.subarray(0, KEY_BYTES);
  return { pair, value: derive(data, 'value'), mac: derive(data, 'mac'), digest: pair.subarray(KEY_BYTES) };
};

/** Says which master key is meant without saying anything about it. */
export const checkValue = (master: Uint8Array): string => Buffer.from(derive(master, 'check', 16)).toString('hex');

const wrapContext = (kid: string): string => `${FORMAT}|${kid}|wrap`;

/** Binds a ciphertext to its place: under another name or an older revision it does not open. */
const entryContext = (vault: Vault, name: string, rev: number): string => `${FORMAT}|${vault.text.kid}|${name}|${rev}`;

const macOf = ({ text, keys }: Vault): string => {
  const entries = [...text.entries]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, entry]) => [name, entry.rev, entry.updated, ...place(entry)]);
  const content = [text.format, text.kid, text.gen, text.kcv, ...place(text.wrapped_dek), entries];
  return createHmac('sha256', keys.mac).update(JSON.stringify(content)).digest('base64');
};

const place = ({ n, ct }: Sealed): readonly string[] => [n, ct];

const isSame = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
};

const tampered = (what: string): SecretsError =>
  new SecretsError(
    'ORCA_SECRETS_FILE_TAMPERED',
    `the secrets file was not written by orca as it stands (${what}); restore it from a backup`,
  );
