import { isIP } from 'node:net';
import { parseAuthority } from './authority.ts';
import type { Peer } from './client-side.ts';
import type { Policy } from './policy.ts';
import { fieldValue, fieldValues } from './raw-fields.ts';
import { clientBehind } from './trust.ts';
import type { RawFields } from './upstream.ts';

/** Where a request came from, as far as it may be believed. */
export interface Origin {
  /** The peer's own address. */
  readonly peer: string;
  /** The client that log and limits go by: the peer, or who a trusted peer says it speaks for. */
  readonly client: string;
  /** Whether the client speaks HTTPS, to us or to a trusted peer. */
  readonly secure: boolean;
  /** Whether what the peer says about its own origin is believed. */
  readonly trusted: boolean;
}

/** From the socket, unless the peer is trusted to know better. */
export const originOf = ({ address: peer, isSecure: secure }: Peer, fields: RawFields, policy: Policy): Origin => {
  if (!policy.trust(peer)) return { peer, client: peer, secure, trusted: false };
  const proto = protoOf(fields);
  return {
    peer,
    client: clientBehind(peer, fields, policy.trust),
    secure: proto === undefined ? secure : proto === 'https',
    trusted: true,
  };
};

/** Exactly one of the two; `wss` or a list says nothing that could be relied on. */
const protoOf = (fields: RawFields): 'http' | 'https' | undefined => {
  const values = fieldValues(fields, 'x-forwarded-proto');
  const proto = values.length === 1 ? values[0]?.trim().toLowerCase() : undefined;
  return proto === 'http' || proto === 'https' ? proto : undefined;
};

export interface Forwarding {
  readonly origin: Origin;
  /** The client's Host bytes; empty for HTTP/1.0 without one. */
  readonly host: string;
  readonly port: number | undefined;
  readonly forwarded: boolean;
}

/** Appends the X-Forwarded-* of this hop, and `Forwarded` where it is wanted. */
export const pushForwarding = (out: string[], raw: RawFields, forwarding: Forwarding): void => {
  const { origin, forwarded } = forwarding;
  const { peer, trusted } = origin;
  const proto = origin.secure ? 'https' : 'http';
  const before = trusted ? fieldValues(raw, 'x-forwarded-for') : [];
  const host = (trusted ? believedHost(raw) : undefined) ?? forwarding.host;
  out.push('X-Forwarded-For', before.length === 0 ? peer : `${before.join(', ')}, ${peer}`, 'X-Forwarded-Proto', proto);
  if (host !== '') out.push('X-Forwarded-Host', host);
  out.push('X-Forwarded-Port', (trusted ? believedPort(raw) : undefined) ?? portOf(forwarding));
  if (forwarded) pushForwarded(out, raw, { peer, trusted, host, proto });
};

const portOf = ({ port, origin }: Forwarding): string =>
  port === undefined ? (origin.secure ? '443' : '80') : String(port);

const believedHost = (raw: RawFields): string | undefined => {
  const value = fieldValue(raw, 'x-forwarded-host');
  return value !== undefined && parseAuthority(value) !== undefined ? value : undefined;
};

const believedPort = (raw: RawFields): string | undefined => {
  const value = fieldValue(raw, 'x-forwarded-port');
  return value !== undefined && /^\d{1,5}$/.test(value) ? value : undefined;
};

interface Hop {
  readonly peer: string;
  readonly trusted: boolean;
  readonly host: string;
  readonly proto: string;
}

/** RFC 7239 §4: one element a hop; what trusted hops wrote before stands before it. */
const pushForwarded = (out: string[], raw: RawFields, { peer, trusted, host, proto }: Hop): void => {
  const before = trusted ? fieldValues(raw, 'forwarded') : [];
  const node = isIP(peer) === 6 ? `"[${peer}]"` : isIP(peer) === 4 ? peer : 'unknown';
  // A host with port or brackets is no token (§4); an admitted one holds neither quote nor backslash.
  const named = host === '' ? '' : `;host=${/^[\w.-]+$/.test(host) ? host : `"${host}"`}`;
  out.push('Forwarded', [...before, `for=${node}${named};proto=${proto}`].join(', '));
};
