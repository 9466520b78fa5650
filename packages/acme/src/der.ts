/** The little of DER (X.690) that requests and certificates need: writing and reading of tag-length-value. */

export interface Tlv {
  readonly tag: number;
  readonly content: Buffer;
  /** All of it, tag and length included. */
  readonly whole: Buffer;
}

export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** `[n]`, with parts inside. */
export const contextTag = (n: number): number => 0xa0 + n;
/** `[n]`, in place of a primitive type's own tag. */
export const implicitTag = (n: number): number => 0x80 + n;

export const tlv = (type: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([type]), lengthOf(content.length), content]);
};

export const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(tag.sequence, ...parts);

export const oid = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tlv(tag.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
};

/** A non-negative integer from its bytes, big end first. */
export const integer = (bytes: Uint8Array): Buffer => {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const digits = bytes.subarray(start);
  const isNegativeLooking = ((digits[0] ?? 0) & 0x80) !== 0;
  return tlv(tag.integer, Buffer.from(isNegativeLooking ? [0] : []), digits);
};

export const bitString = (bytes: Uint8Array): Buffer => tlv(tag.bitString, Buffer.from([0]), bytes);

/** UTCTime until 2049, then GeneralizedTime (RFC 5280, section 4.1.2.5). */
export const time = (ms: number): Buffer => {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const isUtc = new Date(ms).getUTCFullYear() < 2050;
  return tlv(isUtc ? tag.utcTime : tag.generalizedTime, Buffer.from(isUtc ? digits.slice(2) : digits, 'ascii'));
};

/** The parts of a constructed value; throws `RangeError` when they run over its end. */
export const readParts = (content: Buffer): readonly Tlv[] => {
  const parts: Tlv[] = [];
  for (let at = 0; at < content.length;) {
    const one = readTlv(content, at);
    parts.push(one);
    at += one.whole.length;
  }
  return parts;
};

export const readTlv = (bytes: Buffer, at = 0): Tlv => {
  const type = bytes.readUInt8(at);
  let length = bytes.readUInt8(at + 1);
  let begin = at + 2;
  if (length > 0x80) {
    const count = length - 0x80;
    if (count > 4) throw new RangeError('a length of more than four bytes');
    length = bytes.readUIntBE(begin, count);
    begin += count;
  }
  if (begin + length > bytes.length) throw new RangeError('a value runs over the end');
  const end = begin + length;
  return { tag: type, content: bytes.subarray(begin, end), whole: bytes.subarray(at, end) };
};

const lengthOf = (length: number): Buffer => {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = length < 0x100 ? [length] : length < 0x1_0000 ? [length >> 8, length & 0xff] : undefined;
  if (bytes === undefined) throw new RangeError('longer than 64 KiB');
  return Buffer.from([0x80 + bytes.length, ...bytes]);
};

const base128 = (value: number): readonly number[] => {
  const digits = [value & 0x7f];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
    digits.unshift((rest & 0x7f) | 0x80);
  return digits;
};
