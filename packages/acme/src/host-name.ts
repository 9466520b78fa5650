import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

export type Qualified =
  | { readonly ok: true; readonly host: string }
  /** Why no public authority would sign it, in words. */
  | { readonly ok: false; readonly host: string; readonly reason: string };

/** Ends that the registries keep from everybody, with what says so: an authority of the public must refuse them. */
const reservedEnds: readonly (readonly [end: string, source: string])[] = [
  ['test', 'RFC 2606'],
  ['example', 'RFC 2606'],
  ['invalid', 'RFC 2606'],
  ['localhost', 'RFC 2606'],
  ['example.com', 'RFC 2606'],
  ['example.net', 'RFC 2606'],
  ['example.org', 'RFC 2606'],
  ['local', 'RFC 6762'],
  ['home.arpa', 'RFC 8375'],
  ['arpa', 'RFC 3172'],
  ['onion', 'RFC 7686'],
  ['alt', 'RFC 9476'],
  ['internal', 'ICANN, 2024'],
];
/** Never delegated, and in common use on networks of one's own (RFC 6762, appendix G). */
const privateEnds = ['lan', 'home', 'corp', 'mail', 'intranet', 'private', 'localdomain'];
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
  const local = allowLocal ? undefined : localEnd(ascii);
  if (local !== undefined) return no(`ends in .${local}: no public authority signs it, a private one may`);
  if (isWildcard && !hasDns01) return no('is a wildcard, which needs the challenge dns-01');
  return { ok: true, host };
};

const localEnd = (ascii: string): string | undefined => {
  const isUnder = (end: string): boolean => ascii === end || ascii.endsWith(`.${end}`);
  const reserved = reservedEnds.find(([end]) => isUnder(end));
  if (reserved !== undefined) return `${reserved[0]}, which is reserved (${reserved[1]})`;
  const common = privateEnds.find(isUnder);
  return common === undefined ? undefined : `${common}, which means nothing outside this network`;
};

/** Whether a certificate with these names covers the host; `*.` stands for exactly one label. */
export const coversHost = (names: readonly string[], host: string): boolean => {
  const wanted = host.toLowerCase();
  const dot = wanted.indexOf('.');
  const wildcard = dot === -1 ? undefined : `*${wanted.slice(dot)}`;
  return names.some((name) => name.toLowerCase() === wanted || name.toLowerCase() === wildcard);
};
