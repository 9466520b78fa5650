import type { Peer } from './client-side.ts';
import { endsHere } from './connection-fields.ts';
import type { RawFields } from './upstream.ts';

export interface RequestContext {
  /** The client's Host bytes; empty for HTTP/1.0 without one. */
  readonly host: string;
  readonly port: number | undefined;
  readonly peer: Peer;
  readonly bodied: boolean;
  /** Names with `_` or `.` that are let through, lower-case. */
  readonly allowedNames: ReadonlySet<string>;
}

const rebuilt: ReadonlySet<string> = new Set(['host', 'forwarded', 'x-real-ip', 'x-scheme', 'expect']);

/**
 * The fields that go to the target. What a client says about its own origin is discarded and
 * rebuilt from the socket; names that an application server may fold into such a field
 * (`X_Forwarded_For`) go the same way. Everything else stays as it came.
 */
export const requestFields = (raw: RawFields, context: RequestContext): RawFields => {
  const { isSecure } = context.peer;
  const ends = endsHere(raw);
  const out: string[] = [];
  if (context.host !== '') out.push('Host', context.host);
  let offersTrailers = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'te' && /(?:^|,)\s*trailers\s*(?:,|$)/i.test(value)) offersTrailers = true;
    if (ends(lower) || rebuilt.has(lower) || lower.startsWith('x-forwarded-')) continue;
    if (isAlias(lower) && !context.allowedNames.has(lower)) continue;
    // The codings were checked; a length next to them never gets here.
    if (lower === 'content-length' && !context.bodied && value !== '0') continue;
    out.push(name, value);
  }
  if (offersTrailers) out.push('TE', 'trailers');
  out.push('X-Forwarded-For', context.peer.address, 'X-Forwarded-Proto', isSecure ? 'https' : 'http');
  if (context.host !== '') out.push('X-Forwarded-Host', context.host);
  out.push('X-Forwarded-Port', String(context.port ?? (isSecure ? 443 : 80)));
  return out;
};

/** Without zone, and an IPv4 client as such whatever socket it came through. */
export const plainAddress = (address: string): string => address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');

const isAlias = (name: string): boolean => name.includes('_') || name.includes('.');
