/** The section is not one of fields as RFC 9112 §5 has them. */
export interface Malformed {
  readonly fault: string;
}

const colon = 0x3a;
const space = 0x20;
const tab = 0x09;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

const classOf = (belongs: (code: number) => boolean): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, code) => (belongs(code) ? 1 : 0));

/** RFC 9110 §5.6.2. */
const isToken = classOf((code) => /[\w!#$%&'*+.^`|~-]/.test(String.fromCharCode(code)) && code < 0x80);
/** RFC 9110 §5.5: visible, blank or 8-bit; no control byte, so no line end that a later reader could see. */
const isContent = classOf((code) => code === tab || (code >= space && code !== 0x7f));

/**
 * Reads field lines from `start` up to the empty line that ends the text, and adds names and
 * values in turn. Refuses what others read differently: space before the colon, folded
 * lines, a bare CR or LF, control bytes, an empty name.
 */
export const readFields = (text: string, start: number, fields: string[]): Malformed | undefined => {
  const last = text.length - 2;
  let at = start;
  while (at < last) {
    let i = at;
    while (isToken[text.charCodeAt(i)] === 1) i += 1;
    if (i === at || text.charCodeAt(i) !== colon) return { fault: 'malformed field name' };
    const name = text.slice(at, i);
    i += 1;
    while (isBlank(text.charCodeAt(i))) i += 1;
    const from = i;
    while (isContent[text.charCodeAt(i)] === 1) i += 1;
    if (!isLineEnd(text, i)) return { fault: 'malformed field value' };
    at = i + 2;
    const end = i;
    while (i > from && isBlank(text.charCodeAt(i - 1))) i -= 1;
    // Behind a coding not every parser takes a blank for nothing, and then the body has another end.
    if (i < end && isCoding(name)) return { fault: 'blank behind a transfer coding' };
    fields.push(name, text.slice(from, i));
  }
  return at === last ? undefined : { fault: 'malformed end of fields' };
};

/** Where the content that starts at `start` ends, if CR LF follows it. */
export const endOfContent = (text: string, start: number): number | undefined => {
  let i = start;
  while (isContent[text.charCodeAt(i)] === 1) i += 1;
  return isLineEnd(text, i) ? i : undefined;
};

const isCoding = (name: string): boolean => name.length === 17 && name.toLowerCase() === 'transfer-encoding';

const isBlank = (code: number): boolean => code === space || code === tab;

const isLineEnd = (text: string, at: number): boolean =>
  text.charCodeAt(at) === carriageReturn && text.charCodeAt(at + 1) === lineFeed;
