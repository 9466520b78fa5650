import { admitMethod, refuse, type Admitted, type Refused } from '../admission.ts';
import { parseAuthority, type Authority } from '../authority.ts';
import type { RawFields } from '../upstream.ts';

/** A request head in HTTP/2, taken apart. */
export interface Http2Head {
  readonly method: string;
  /** Without pseudo-fields and Host; cookie crumbs are one field again (RFC 9113 §8.2.3). */
  readonly fields: RawFields;
  readonly path: string;
  readonly authority: string | undefined;
  readonly hosts: readonly string[];
  readonly expect: string | undefined;
  /** The client reads trailers. */
  readonly readsTrailers: boolean;
}

export const readHead = (raw: readonly string[]): Http2Head => {
  const fields: string[] = [];
  const hosts: string[] = [];
  const pseudo = { method: '', path: '', authority: undefined as string | undefined };
  let expect: string | undefined;
  let readsTrailers = false;
  let crumbs = -1;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    if (name.startsWith(':')) {
      if (name === ':method') pseudo.method = value;
      else if (name === ':path') pseudo.path = value;
      else if (name === ':authority') pseudo.authority = value;
      // The scheme is the client's word for what the socket knows.
      continue;
    }
    if (name === 'host') {
      hosts.push(value);
      continue;
    }
    if (name === 'cookie' && crumbs !== -1) {
      fields[crumbs] += `; ${value}`;
      continue;
    }
    if (name === 'cookie') crumbs = fields.length + 1;
    if (name === 'expect') expect = value;
    if (name === 'te' && value.toLowerCase() === 'trailers') readsTrailers = true;
    fields.push(name, value);
  }
  return { ...pseudo, fields, hosts, expect, readsTrailers };
};

/**
 * The rules of HTTP/1 for what nghttp2 leaves open: it knows that a head is well-formed, not
 * that it names something that can be routed and repeated in HTTP/1.
 */
export const admitHttp2 = (head: Http2Head): Admitted | Refused =>
  admitMethod(head.method) ?? admitTarget(head, admitAuthority(head));

/** What HTTP/1 takes, and nothing that another hop would read as something else: no 8-bit bytes, no fragment. */
const originForm = /^\/[\x21\x22\x24-\x7e]*$/;

const admitTarget = (
  { method, path }: Http2Head,
  named: { readonly authority: Authority; readonly host: string } | Refused,
): Admitted | Refused => {
  if ('status' in named) return named;
  if (originForm.test(path) || (path === '*' && method === 'OPTIONS')) return { ok: true, ...named, path };
  return refuse(400, 'malformed target');
};

/** RFC 9113 §8.3.1: `:authority` names the host; a Host that says otherwise is a lie to somebody. */
const admitAuthority = ({
  authority,
  hosts,
}: Http2Head): { readonly authority: Authority; readonly host: string } | Refused => {
  const [host] = hosts;
  if (hosts.length > 1) return refuse(400, 'several Host fields');
  const text = authority ?? host;
  if (text === undefined) return refuse(400, 'no Host');
  const named = parseAuthority(text);
  if (named === undefined) return refuse(400, 'malformed Host');
  if (authority === undefined || host === undefined) return { authority: named, host: text };
  const other = parseAuthority(host);
  const isSame = other?.name === named.name && (other.port ?? 443) === (named.port ?? 443);
  return isSame ? { authority: named, host: text } : refuse(400, ':authority and Host differ');
};
