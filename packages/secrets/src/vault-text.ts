import { SecretsError } from './errors.ts';
import type { Sealed } from './seal.ts';
import { isSecretName } from './secret-name.ts';

export const FORMAT = 'orca-secrets/2';

export interface SealedEntry extends Sealed {
  readonly rev: number;
  readonly updated: string;
}

/** A secrets file as it is written. Nothing here has been verified yet. */
export interface VaultText {
  readonly format: typeof FORMAT;
  /** Names the data key. */
  readonly kid: string;
  /** Counts the writes: an older file is recognised by it. */
  readonly gen: number;
  /** Check value of the master key. */
  readonly kcv: string;
  readonly wrapped_dek: Sealed;
  readonly entries: ReadonlyMap<string, SealedEntry>;
  readonly mac: string;
}

/** One field a line, entries sorted: a change of one secret is a small diff. */
export const formatVaultText = (text: VaultText): string => {
  const entries = [...text.entries].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const { format, kid, gen, kcv, wrapped_dek, mac } = text;
  // `fromEntries` defines properties, so that even `__proto__` is an ordinary name.
  const plain = { format, kid, gen, kcv, wrapped_dek, entries: Object.fromEntries(entries), mac };
  return `${JSON.stringify(plain, undefined, 2)}\n`;
};

export const parseVaultText = (text: string): VaultText => {
  const file = parseJson(text);
  if (!isRecord(file)) throw invalid('it is not a JSON object');
  if (file['format'] !== FORMAT) throw invalid(`its format is not ${FORMAT}`);
  const { gen } = file;
  if (typeof gen !== 'number' || !Number.isSafeInteger(gen) || gen < 0) throw invalid('gen is not a count');
  return {
    format: FORMAT,
    kid: asText(file['kid'], 'kid'),
    gen,
    kcv: asText(file['kcv'], 'kcv'),
    wrapped_dek: asSealed(file['wrapped_dek'], 'wrapped_dek'),
    entries: asEntries(file['entries']),
    mac: asText(file['mac'], 'mac'),
  };
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's error quotes the text, which may be secrets that somebody wrote out there.
    throw invalid('it is not JSON');
  }
};

const asEntries = (value: unknown): ReadonlyMap<string, SealedEntry> => {
  if (!isRecord(value)) throw invalid('entries is not an object');
  return new Map(
    Object.entries(value).map(([name, entry]) => {
      if (!isSecretName(name) || !isRecord(entry)) throw invalid(`entry ${JSON.stringify(name)} is malformed`);
      const { rev } = entry;
      if (typeof rev !== 'number' || !Number.isSafeInteger(rev)) throw invalid(`${name}.rev is not a count`);
      return [name, { ...asSealed(entry, name), rev, updated: asText(entry['updated'], `${name}.updated`) }];
    }),
  );
};

const asSealed = (value: unknown, where: string): Sealed => {
  if (!isRecord(value)) throw invalid(`${where} is malformed`);
  return { n: asText(value['n'], `${where}.n`), ct: asText(value['ct'], `${where}.ct`) };
};

const asText = (value: unknown, where: string): string => {
  if (typeof value !== 'string') throw invalid(`${where} is not text`);
  return value;
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const invalid = (what: string): SecretsError =>
  new SecretsError('ORCA_SECRETS_FILE_INVALID', `not a secrets file that this orca reads: ${what}`);
