import type { ClientSide } from './client-side.ts';
import { fieldValues } from './raw-fields.ts';
import type { RawFields } from './upstream.ts';

/** Who may be sent trailers. */
export type TrailerReader = Pick<ClientSide, 'version' | 'method' | 'fields'>;

/** `trailers` is the one member of TE that means the same at the next hop. */
export const isTrailersOffer = (te: string): boolean => te === 'trailers' || /(?:^|,)\s*trailers\s*(?:,|$)/i.test(te);

/** Whether a client said that it reads trailers, and can be sent some (RFC 9110 §6.5.1). */
export const readsTrailers = ({ version, method, fields }: TrailerReader): boolean =>
  version !== '1.0' && method !== 'HEAD' && fieldValues(fields, 'te').some(isTrailersOffer);

/**
 * RFC 9110 §6.5.1: what frames, routes, authenticates or controls a message must be known before
 * its body, so in a trailer it can only be a trick.
 */
const forbidden: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'retry-after',
  'set-cookie',
  'strict-transport-security',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'vary',
  'via',
  'warning',
  'www-authenticate',
]);

const isForbidden = (lower: string): boolean =>
  forbidden.has(lower) || lower.startsWith(':') || lower.startsWith('if-') || lower.startsWith('x-forwarded-');

/** The trailer fields that may be passed on. */
export const trailerFields = (raw: RawFields): RawFields => {
  const out: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (!isForbidden(name.toLowerCase())) out.push(name, raw[i + 1] ?? '');
  }
  return out;
};

/** What a Trailer field may go on announcing; `undefined` for nothing. */
export const announcedTrailers = (value: string): string | undefined => {
  const names = value.split(',').map((name) => name.trim());
  const kept = names.filter((name) => name !== '' && !isForbidden(name.toLowerCase()));
  return kept.length === 0 ? undefined : kept.join(', ');
};
