import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

export type Qualified =
  | { readonly ok: true; readonly host: string }
  /** Why no public authority would sign it, in words. */
  | { readonly ok: false; readonly host: string; readonly reason: string };

/** Names that mean something here and nothing elsewhere (RFC 6761, RFC 8375, RFC 9476 and common use). */
const localEnds = ['localhost', 'local', 'internal', 'lan', 'home.arpa', 'intranet', 'corp', 'home', 'alt', 'onion'];
const label = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

export interface QualifyOptions {
  /** Wildcards can only be proven by DNS (RFC 8555, section 7.1.3). */
  readonly hasDns01: boolean;
  /** A private authority may sign names that mean nothing outside. */
  readonly allowLocal?: boolean;
}

/** Lower case, A-labels, no dot at the end; and whether a certificate can be asked for it (A4). */
export const qualifyHost = (written: string, { hasDns01, allowLocal = false }: QualifyOptions): Qualified => {
  const isWildcard = written.startsWith('*.');
  const trimmed = written.slice(isWildcard ? 2 : 0).replace(/\.$/, '');
  const ascii = domainToASCII(trimmed).toLowerCase();
  const host = `${isWildcard ? '*.' : ''}${ascii === '' ? trimmed.toLowerCase() : ascii}`;
  const no = (reason: string): Qualified => ({ ok: false, host, reason });
  if (isIP(trimmed) !== 0 || isIP(ascii) !== 0) return no('is an IP address');
  if (ascii === '') return no('is not a domain name');
  const labels = ascii.split('.');
  if (ascii.length > 253 || !labels.every((one) => label.test(one))) return no('is not a domain name');
  if (!allowLocal && labels.length < 2) return no('has no dot, so no public authority knows it');
  const end = localEnds.find((one) => ascii === one || ascii.endsWith(`.${one}`));
  if (!allowLocal && end !== undefined) return no(`ends in .${end}, which means nothing outside this network`);
  if (isWildcard && !hasDns01) return no('is a wildcard, which needs the challenge dns-01');
  return { ok: true, host };
};

/** Whether a certificate with these names covers the host; `*.` stands for exactly one label. */
export const coversHost = (names: readonly string[], host: string): boolean => {
  const wanted = host.toLowerCase();
  const dot = wanted.indexOf('.');
  const wildcard = dot === -1 ? undefined : `*${wanted.slice(dot)}`;
  return names.some((name) => name.toLowerCase() === wanted || name.toLowerCase() === wildcard);
};
