import type { RawFields } from '../upstream.ts';
import { endOfContent, readFields, type Malformed } from './field-lines.ts';

/** How a body ends (RFC 9112 §6.3); `close` is by the end of the connection. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: RawFields;
  readonly framing: Framing;
  /** Bytes of the body where the framing is `length`, else 0. */
  readonly length: number;
  /** Whether another response may follow on this connection. */
  readonly persistent: boolean;
  /** The server's own idle limit, from `Keep-Alive: timeout=`. */
  readonly idleLimitMs: number | undefined;
}

const zero = 0x30;
const space = 0x20;
const startOfReason = 'HTTP/1.1 200'.length;

/**
 * Reads a response head, from its status line to its empty line. As strict as Node's own
 * parser, and stricter where a lie is cheap: HTTP/1.0 with a transfer coding, and any coding
 * but one `chunked`, since its layers would be passed on under a wrong label.
 */
export const parseResponseHead = (text: string, method: string): ResponseHead | Malformed => {
  const minor = text.charCodeAt(7) - zero;
  const status = statusOf(text);
  if (!text.startsWith('HTTP/1.') || (minor !== 0 && minor !== 1) || status === undefined) return badStatusLine;
  const hasReason = text.charCodeAt(startOfReason) === space;
  const end = endOfContent(text, startOfReason);
  if (end === undefined || (!hasReason && end > startOfReason)) return badStatusLine;
  const fields: string[] = [];
  const malformed = readFields(text, end + 2, fields);
  if (malformed !== undefined) return malformed;
  const said = whatIsSaid(fields);
  if ('fault' in said) return said;
  if (said.chunked && (said.length !== undefined || minor === 0)) return { fault: 'ambiguous framing' };
  const framing = framingOf(said, status, method);
  return {
    status,
    reason: hasReason ? text.slice(startOfReason + 1, end) : '',
    fields,
    framing,
    length: framing === 'length' ? (said.length ?? 0) : 0,
    persistent: framing !== 'close' && !said.close && (minor === 1 || said.keepAlive) && !mayLieOfBody(said, status),
    idleLimitMs: said.idleLimitMs,
  };
};

const badStatusLine: Malformed = { fault: 'malformed status line' };

const statusOf = (text: string): number | undefined => {
  if (text.charCodeAt(8) !== space) return undefined;
  const hundreds = text.charCodeAt(9) - zero;
  const tens = text.charCodeAt(10) - zero;
  const ones = text.charCodeAt(11) - zero;
  const isNumber = hundreds >= 1 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
  return isNumber ? hundreds * 100 + tens * 10 + ones : undefined;
};

interface Said {
  length: number | undefined;
  chunked: boolean;
  close: boolean;
  keepAlive: boolean;
  idleLimitMs: number | undefined;
}

/** What the fields say about the connection. The length of a name sorts out nearly all at no cost. */
const whatIsSaid = (fields: RawFields): Said | Malformed => {
  const said: Said = { length: undefined, chunked: false, close: false, keepAlive: false, idleLimitMs: undefined };
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (said.length !== undefined || !/^\d{1,15}$/.test(value)) return { fault: 'malformed Content-Length' };
      said.length = Number(value);
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if (said.chunked || value.toLowerCase() !== 'chunked') return { fault: 'unknown transfer coding' };
      said.chunked = true;
    } else if (name.length === 10) sayOfConnection(said, name.toLowerCase(), value);
  }
  return said;
};

const sayOfConnection = (said: Said, name: string, value: string): void => {
  if (name === 'connection') {
    // What nearly every server says.
    if (value === 'keep-alive') {
      said.keepAlive = true;
      return;
    }
    said.close ||= /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(value);
    said.keepAlive ||= /(?:^|,)[ \t]*keep-alive[ \t]*(?:,|$)/i.test(value);
  } else if (name === 'keep-alive') {
    const seconds = /(?:^|,)[ \t]*timeout[ \t]*=[ \t]*(\d{1,9})[ \t]*(?:,|$)/i.exec(value)?.[1];
    if (seconds !== undefined) said.idleLimitMs = Number(seconds) * 1000;
  }
};

const isBodiless = (status: number): boolean => status < 200 || status === 204 || status === 304;

const framingOf = ({ length, chunked }: Said, status: number, method: string): Framing => {
  if (method === 'HEAD' || isBodiless(status)) return 'none';
  if (chunked) return 'chunked';
  return length === undefined ? 'close' : 'length';
};

/** A 204 with a length may be followed by so many bytes, which must not become the next response. */
const mayLieOfBody = ({ length, chunked }: Said, status: number): boolean =>
  (status === 204 || status < 200) && (chunked || (length !== undefined && length > 0));
