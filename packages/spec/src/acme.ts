import { isIP } from 'node:net';
import { posix } from 'node:path';
import { createPlace } from './faults.ts';
import type { AcmeChallenge, AcmeSpec } from './model.ts';
import { envNameFault } from './names.ts';
import { flag, list, oneOf, parsedText, quote, record, Refusal, text, word } from './read.ts';
import { optional, type Read, readTable, rows, type Values, withDefault } from './table.ts';
import { isTable } from './toml.ts';

export const email: Read<string> = parsedText((written) =>
  /^[^\s@]+@[^\s@]+$/.test(written) ? written : new Refusal(`${quote(written)} is not an e-mail address`),
);

export const httpUrl: Read<string> = parsedText((written) => {
  const isHttp = URL.canParse(written) && /^https?:$/.test(new URL(written).protocol);
  return isHttp ? written : new Refusal(`${quote(written)} is not a URL: write "https://…"`);
});

/** Absolute, or inside the infra root. */
export const filePath: Read<string> = parsedText((written) => {
  const path = posix.normalize(written);
  if (written !== '' && !written.endsWith('/') && !/[\0]/.test(written) && !path.split('/').includes('..')) return path;
  return new Refusal(
    `${quote(written)} is not the path of a file: absolute, or relative to the infra root without ".."`,
  );
});

const challengeName = oneOf('http-01', 'tls-alpn-01', 'dns-01');

/** One, or several in the order in which they are tried. */
const challenges: Read<readonly AcmeChallenge[]> = (value, at) => {
  const read = Array.isArray(value) ? list(challengeName)(value, at) : challengeName(value, at);
  if (read === undefined || typeof read === 'string') return read === undefined ? undefined : [read];
  if (read.length === 0) return at.error('must name at least one of http-01, tls-alpn-01, dns-01');
  if (new Set(read).size < read.length) return at.error('names one twice');
  return read;
};

const resolver: Read<string> = parsedText((written) => {
  const [, bracketed, plain, port] =
    /^(?:\[([^\]]+)\]|([^:]+|[^\]]*:[^\]]*:[^\]]*?))(?::(\d{1,5}))?$/.exec(written) ?? [];
  const address = bracketed ?? plain ?? '';
  if (isIP(address) !== 0 && (port === undefined || Number(port) < 65_536)) return written;
  return new Refusal(`${quote(written)} is not the address of a DNS server: write "10.0.0.2" or "10.0.0.2:53"`);
});

const ACME = rows({
  title: '[acme]',
  keys: {
    email: optional(email),
    directory: optional(httpUrl),
    ca_file: optional(filePath),
    terms_agreed: withDefault(flag, true),
    profile: optional(word(/^[\w.-]{1,64}$/, 'the name of a profile such as "shortlived"')),
    eab_kid: optional(text),
    eab_hmac: optional(text),
    challenge: withDefault(challenges, ['http-01']),
    dns_hook: optional(list(text)),
    dns_env: withDefault(record(text, envNameFault), {}),
    resolvers: withDefault(list(resolver), []),
    preflight: withDefault(flag, true),
    key_type: withDefault(oneOf('ecdsa-p256', 'rsa-2048', 'rsa-3072', 'rsa-4096'), 'ecdsa-p256'),
    preferred_chain: optional(text),
  },
});

function acmeSpec(read: Values<(typeof ACME)['keys']>): AcmeSpec {
  const { eab_kid: kid, eab_hmac: hmacKey } = read;
  return {
    email: read.email,
    directory: read.directory,
    caFile: read.ca_file,
    termsAgreed: read.terms_agreed,
    profile: read.profile,
    externalAccount: kid === undefined || hmacKey === undefined ? undefined : { kid, hmacKey },
    challenges: read.challenge,
    dnsHook: read.dns_hook,
    dnsEnv: read.dns_env,
    resolvers: read.resolvers,
    preflight: read.preflight,
    keyType: read.key_type,
    preferredChain: read.preferred_chain,
  };
}

export const DEFAULT_ACME: AcmeSpec = acmeSpec(readTable(ACME, {}, createPlace([])));

/** `[acme]`, with the rules between its keys. */
export const acme: Read<AcmeSpec> = (value, at) => {
  if (!isTable(value)) return at.error('must be a table: write [acme]');
  const read = readTable(ACME, value, at);
  const { eab_kid: kid, eab_hmac: hmacKey, dns_hook: hook } = read;
  if ((kid === undefined) !== (hmacKey === undefined))
    at.at(kid === undefined ? 'eab_hmac' : 'eab_kid').error(
      'eab_kid and eab_hmac go together: the authority issues both',
    );
  const wantsDns = read.challenge.includes('dns-01');
  if (wantsDns && (hook === undefined || hook.length === 0))
    at.at('challenge').error('dns-01 needs dns_hook = ["program", "argument"], which sets and removes TXT records');
  if (!wantsDns && hook !== undefined) at.at('dns_hook').error('has no effect without challenge = "dns-01"');
  return acmeSpec(read);
};
