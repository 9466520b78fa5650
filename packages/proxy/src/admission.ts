import { METHODS, type IncomingMessage } from 'node:http';
import { parseAuthority, type Authority } from './authority.ts';
import { fieldValues } from './raw-fields.ts';

/** A request that may be routed: every question of framing and naming is answered. */
export interface Admitted {
  readonly ok: true;
  /** Undefined only for HTTP/1.0 without Host. */
  readonly authority: Authority | undefined;
  /** The client's own Host bytes. */
  readonly host: string;
  /** Origin form, byte for byte; `*` for a server-wide OPTIONS. */
  readonly path: string;
}

export interface Refused {
  readonly ok: false;
  readonly status: number;
  /** For the operator, never for the client. */
  readonly reason: string;
}

/**
 * Closes what Node's parser leaves open: faults that peers read differently, which is what
 * request smuggling and cache poisoning live on. In doubt, refuse.
 */
export const admit = (req: IncomingMessage): Admitted | Refused =>
  faultOfVersion(req) ??
  faultOfCoding(req) ??
  admitMethod(req.method ?? '') ??
  admitTarget(req, fieldValues(req.rawHeaders, 'host'));

/** Whether a body follows; a length of zero is none. */
export const hasBody = (req: IncomingMessage): boolean =>
  req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;

export const refuse = (status: number, reason: string): Refused => ({ ok: false, status, reason });

/** One list for every version of HTTP: what Node's parser knows, without what asks the proxy itself for something. */
export const admitMethod = (method: string): Refused | undefined => {
  if (method === 'TRACE' || method === 'CONNECT') return refuse(405, method);
  return known.has(method) ? undefined : refuse(400, 'unknown method');
};

const known: ReadonlySet<string> = new Set(METHODS);

const faultOfVersion = ({ httpVersion }: IncomingMessage): Refused | undefined => {
  if (httpVersion === '1.1' || httpVersion === '1.0') return undefined;
  return httpVersion === '0.9' ? refuse(400, 'HTTP/0.9') : refuse(505, `HTTP/${httpVersion} in a request line`);
};

const token = /^[\w!#$%&'*+.^`|~-]+$/;

/** RFC 9112 §6.1: an unknown coding is 501; a list that ends in nothing, or repeats itself, is malformed. */
const faultOfCoding = (req: IncomingMessage): Refused | undefined => {
  const coding = req.headers['transfer-encoding'];
  if (coding === undefined) return undefined;
  if (req.httpVersion === '1.0') return refuse(400, 'Transfer-Encoding in HTTP/1.0');
  const codings = coding.split(',').map((one) => one.trim().toLowerCase());
  if (codings.length === 1 && codings[0] === 'chunked') return undefined;
  const isList = codings.every((one) => token.test(one)) && codings.indexOf('chunked') === codings.length - 1;
  return isList ? refuse(501, 'unknown transfer coding') : refuse(400, 'malformed Transfer-Encoding');
};

const admitTarget = (req: IncomingMessage, hosts: readonly string[]): Admitted | Refused => {
  const url = req.url ?? '';
  const [host] = hosts;
  if (hosts.length > 1) return refuse(400, 'several Host fields');
  if (url.includes('#')) return refuse(400, 'fragment in the target');
  const authority = host === undefined ? undefined : parseAuthority(host);
  if (host !== undefined && authority === undefined) return refuse(400, 'malformed Host');
  if (host === undefined && req.httpVersion !== '1.0') return refuse(400, 'no Host');
  if (url.startsWith('/')) return { ok: true, authority, host: host ?? '', path: url };
  if (url === '*') {
    return req.method === 'OPTIONS' ? { ok: true, authority, host: host ?? '', path: url } : refuse(400, 'target *');
  }
  return admitAbsolute(url, host, authority);
};

const absoluteForm = /^http:\/\/(?<authority>[^/?]*)(?<path>.*)$/is;

/** RFC 9112 §3.2.2: the target's authority wins over Host; where they differ, somebody is being lied to. */
const admitAbsolute = (url: string, host: string | undefined, fromHost: Authority | undefined): Admitted | Refused => {
  const groups = absoluteForm.exec(url)?.groups;
  const authority = parseAuthority(groups?.['authority'] ?? '');
  if (groups === undefined || authority === undefined) return refuse(400, 'malformed target');
  if (fromHost !== undefined && !isSame(authority, fromHost)) return refuse(400, 'target and Host differ');
  const path = groups['path'] ?? '';
  return {
    ok: true,
    authority,
    host: host ?? groups['authority'] ?? '',
    path: path.startsWith('/') ? path : `/${path}`,
  };
};

const isSame = (a: Authority, b: Authority): boolean => a.name === b.name && (a.port ?? 80) === (b.port ?? 80);
