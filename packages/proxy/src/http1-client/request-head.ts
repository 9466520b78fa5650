import type { RawFields, UpstreamRequest } from '../upstream.ts';

/** A request as it goes out; `length` is undefined for a chunked body, 0 for none. */
export interface EncodedHead {
  readonly text: string;
  readonly length: number | undefined;
}

/** Whoever built the request made a mistake; sent, it would be another request or two. */
export interface Unsendable {
  readonly fault: string;
}

/** Methods whose request means a body, so that its absence is said (RFC 9110 §8.6). */
const bodied: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Line ends, NUL, and whatever does not fit into a byte and would become one of them. */
// oxlint-disable-next-line no-control-regex
const unsafe = /[\0\r\n\u0100-\uffff]/;

/** Frames a request: exactly one of a length and chunked for a body, neither without one. */
export const encodeHead = (request: UpstreamRequest): EncodedHead | Unsendable => {
  const { method, path, fields, body, upgrade } = request;
  if (unsafe.test(path) || /[\s]/.test(path)) return { fault: 'unsafe byte in the target' };
  // All at once: it is the number of visits to the matcher that costs.
  if (unsafe.test(fields.join(''))) return { fault: 'unsafe byte in a field' };
  let text = `${method} ${path} HTTP/1.1\r\n`;
  let length: number | undefined;
  let offersTrailers = false;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (length !== undefined || !/^\d{1,15}$/.test(value)) return { fault: 'malformed Content-Length' };
      length = Number(value);
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') return { fault: 'framed twice' };
    else if (name.length === 2 && name.toLowerCase() === 'te') offersTrailers = true;
    text += `${name}: ${value}\r\n`;
  }
  if (upgrade) text += 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  // RFC 9110 §10.1.4: TE is for one hop, and says so.
  else if (offersTrailers) text += 'Connection: TE\r\n';
  if (body === undefined) {
    if (length !== undefined && length > 0) return { fault: 'a length without a body' };
    const says = length === undefined && bodied.has(method) ? 'Content-Length: 0\r\n' : '';
    return { text: `${text}${says}\r\n`, length: 0 };
  }
  return { text: length === undefined ? `${text}Transfer-Encoding: chunked\r\n\r\n` : `${text}\r\n`, length };
};

/** The fields of an upgrade's answer name the protocol that was asked for (RFC 6455 §4.1). */
export const isWebSocketAnswer = (fields: RawFields): boolean => {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() === 'upgrade') return fields[i + 1]?.toLowerCase() === 'websocket';
  }
  return false;
};
