import { endsHere, listedIn } from './connection-fields.ts';
import { fieldValue } from './raw-fields.ts';
import type { RawFields } from './upstream.ts';

/**
 * The fields that go to the client, or `undefined` when the target's framing is not what we
 * decoded: a coding other than chunked would be passed on under a wrong label.
 */
export const responseFields = (status: number, raw: RawFields): RawFields | undefined => {
  const listed = listedIn(raw);
  const lengthless = status < 200 || status === 204 || status === 205;
  const out: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'transfer-encoding' && value.trim().toLowerCase() !== 'chunked') return undefined;
    if (endsHere(lower, listed) || (lengthless && lower === 'content-length')) continue;
    out.push(name, value);
  }
  // RFC 9110 §15.3.6: a 205 has no content, and says so.
  if (status === 205) out.push('Content-Length', '0');
  return out;
};

/** A reason phrase that may be repeated; anything odd becomes the standard one. */
export const plainReason = (reason: string): string | undefined =>
  /^[\t\x20-\x7e]*$/.test(reason) ? reason : undefined;

/** Event streams are silent for as long as they like. */
export const isEventStream = (fields: RawFields): boolean =>
  /^\s*text\/event-stream\s*(?:;|$)/i.test(fieldValue(fields, 'content-type') ?? '');
