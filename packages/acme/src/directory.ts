import { isIP } from 'node:net';
import { AcmeError } from './errors.ts';
import { foreignText } from './foreign-text.ts';

/** What an authority offers, and where (RFC 8555, section 7.1.1; RFC 9773, section 4.1). */
export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly revokeCert: string;
  readonly renewalInfo: string | undefined;
  readonly termsOfService: string | undefined;
  readonly needsExternalAccount: boolean;
  /** Names of profiles, each with the authority's words about it. */
  readonly profiles: Readonly<Record<string, string>>;
}

const required = ['newNonce', 'newAccount', 'newOrder', 'revokeCert'] as const;

export const parseDirectory = (value: unknown, url: string): Directory => {
  const fields = asRecord(value);
  const missing = required.filter((name) => typeof fields[name] !== 'string');
  if (missing.length > 0)
    throw new AcmeError(
      'ORCA_ACME_PROTOCOL',
      `${url} is not the directory of an ACME authority: ${missing.join(', ')} missing`,
    );
  const meta = asRecord(fields['meta']);
  const optional = (from: Readonly<Record<string, unknown>>, name: string): string | undefined =>
    typeof from[name] === 'string' ? from[name] : undefined;
  const profiles = Object.entries(asRecord(meta['profiles'])).map(([name, words]) => [
    foreignText(name, 100),
    String(words),
  ]);
  return {
    newNonce: String(fields['newNonce']),
    newAccount: String(fields['newAccount']),
    newOrder: String(fields['newOrder']),
    revokeCert: String(fields['revokeCert']),
    renewalInfo: optional(fields, 'renewalInfo'),
    termsOfService: termsIn(meta),
    needsExternalAccount: meta['externalAccountRequired'] === true,
    profiles: Object.fromEntries(profiles),
  };
};

/** Not always an address of the web: some test authorities have a `data:` URL. */
const termsIn = (meta: Readonly<Record<string, unknown>>): string | undefined =>
  typeof meta['termsOfService'] === 'string' ? foreignText(meta['termsOfService'], 500) : undefined;

/** Why a directory's address is refused, in words; plain HTTP is for authorities on this network only (A2). */
export const directoryFault = (url: string): string | undefined => {
  if (!URL.canParse(url)) return 'is not a URL';
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:') return undefined;
  if (protocol !== 'http:') return 'is neither https: nor http:';
  return isInternal(hostname) ? undefined : 'must be https: (http: is for authorities on this network only)';
};

const isInternal = (hostname: string): boolean => {
  const bare = hostname.replace(/^\[|\]$/g, '');
  if (isIP(bare) === 4) return /^(127|10|192\.168|172\.(1[6-9]|2\d|3[01]))\./.test(bare);
  if (isIP(bare) === 6) return bare === '::1' || /^f[cd]/i.test(bare);
  return bare === 'localhost' || /\.(internal|localhost|local|lan|home\.arpa)$/i.test(bare);
};

/** JSON, or an error that says nothing of the text: a parser's own quotes what it stumbled over, which may be a key. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('not JSON');
  }
};

export const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
