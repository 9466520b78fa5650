import type { HttpVersion } from './client-side.ts';
import { endsHere, listedIn } from './connection-fields.ts';
import { pushForwarding, type Origin } from './forwarding.ts';
import type { Policy } from './policy.ts';
import { isTrailersOffer } from './trailer-fields.ts';
import type { RawFields } from './upstream.ts';
import { viaHop } from './via.ts';

export interface RequestContext {
  readonly policy: Policy;
  readonly origin: Origin;
  readonly requestId: string;
  readonly version: HttpVersion;
  /** The client's Host bytes; empty for HTTP/1.0 without one. */
  readonly host: string;
  readonly port: number | undefined;
  readonly bodied: boolean;
}

/** What is rebuilt here; a client's own word for it is discarded. */
const rebuilt: ReadonlySet<string> = new Set([
  'host',
  'forwarded',
  'x-real-ip',
  'x-scheme',
  'x-request-id',
  // Answered here.
  'expect',
]);

/** Said by a trusted peer only, and nothing that this hop could add to. */
const believed: ReadonlySet<string> = new Set(['x-forwarded-prefix', 'x-forwarded-server']);

/**
 * The fields that go to the target. What a client says about its own origin is discarded and
 * rebuilt from the socket, unless a trusted peer says it; names that an application server may
 * fold into such a field (`X_Forwarded_For`) go the same way. Everything else stays as it came.
 */
export const requestFields = (raw: RawFields, context: RequestContext): RawFields => {
  const { policy, origin } = context;
  const listed = listedIn(raw);
  const out: string[] = [];
  if (context.host !== '') out.push('Host', context.host);
  let offersTrailers = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'te' && isTrailersOffer(value)) offersTrailers = true;
    if (endsHere(lower, listed) || rebuilt.has(lower)) continue;
    if (lower.startsWith('x-forwarded-') && !(origin.trusted && believed.has(lower))) continue;
    if (isAlias(lower) && !policy.allowedNames.has(lower)) continue;
    // The codings were checked; a length next to them never gets here.
    if (lower === 'content-length' && !context.bodied && value !== '0') continue;
    out.push(name, value);
  }
  if (offersTrailers) out.push('TE', 'trailers');
  pushForwarding(out, raw, {
    origin,
    host: context.host,
    port: context.port,
    forwarded: policy.forwarded,
  });
  out.push('X-Request-Id', context.requestId, 'Via', viaHop(context.version, policy.pseudonym));
  return out;
};

const isAlias = (name: string): boolean => name.includes('_') || name.includes('.');
