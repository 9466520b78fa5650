import { endsHere, listedIn, mayEndHere } from './connection-fields.ts';
import { fieldValue } from './raw-fields.ts';
import { announcedTrailers, readsTrailers, type TrailerReader } from './trailer-fields.ts';
import type { RawFields } from './upstream.ts';

/**
 * The fields that go to the client, or `undefined` when the target's framing is not what we
 * decoded: a coding other than chunked would be passed on under a wrong label. Trailers stay
 * announced to a reader that will get them.
 */
export const responseFields = (status: number, raw: RawFields, reader?: TrailerReader): RawFields | undefined => {
  const listed = listedIn(raw);
  const lengthless = status < 200 || status === 204 || status === 205;
  const out: string[] = [];
  let hasLength = lengthless || status === 304;
  let announced: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    if (listed === undefined && !mayEndHere(name)) {
      out.push(name, value);
      continue;
    }
    const lower = name.toLowerCase();
    if (lower === 'transfer-encoding' && value.trim().toLowerCase() !== 'chunked') return undefined;
    if (lower === 'trailer') announced = announcedTrailers(value);
    if (endsHere(lower, listed) || (lengthless && lower === 'content-length')) continue;
    if (lower === 'content-length') hasLength = true;
    out.push(name, value);
  }
  // RFC 9110 §15.3.6: a 205 has no content, and says so.
  if (status === 205) out.push('Content-Length', '0');
  if (announced !== undefined && !hasLength && reader !== undefined && readsTrailers(reader))
    out.push('Trailer', announced);
  return out;
};

/** A reason phrase that may be repeated; anything odd becomes the standard one. */
export const plainReason = (reason: string): string | undefined =>
  /^[\t\x20-\x7e]*$/.test(reason) ? reason : undefined;

/** Event streams are silent for as long as they like. */
export const isEventStream = (fields: RawFields): boolean =>
  /^\s*text\/event-stream\s*(?:;|$)/i.test(fieldValue(fields, 'content-type') ?? '');
