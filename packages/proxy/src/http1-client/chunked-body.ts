import type { RawFields } from '../upstream.ts';
import { readFields, type Malformed } from './field-lines.ts';

/** More than 15 digits would not be exact any more, and leading zeros have no use. */
const maxSizeDigits = 13;
const maxExtensionBytes = 4 * 1024;
const maxTrailerBytes = 16 * 1024;

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const semicolon = 0x3b;

/** RFC 9112 §7.1.1 without blanks, which Node's parser refuses as well. */
const extensions =
  /^(?:;[\w!#$%&'*+.^`|~-]+(?:=(?:[\w!#$%&'*+.^`|~-]+|"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*$/;

type State = 'size' | 'extension' | 'size-end' | 'data' | 'data-cr' | 'data-lf' | 'trailers' | 'done';

/** Reads one chunked body (RFC 9112 §7.1), however its bytes are cut up. Extensions are checked and dropped. */
export class ChunkedBody {
  #state: State = 'size';
  #size = 0;
  #digits = 0;
  /** Extension or trailer bytes so far, as latin1. */
  #text = '';
  #fault: Malformed | undefined;
  readonly #trailers: string[] = [];

  get isDone(): boolean {
    return this.#state === 'done';
  }

  get fault(): Malformed | undefined {
    return this.#fault;
  }

  get trailers(): RawFields {
    return this.#trailers;
  }

  /** Takes bytes from `start` on, until they end, the body does, or there is a fault; says where it stopped. */
  read(bytes: Buffer, start: number, onData: (chunk: Buffer) => void): number {
    let at = start;
    while (at < bytes.length && this.#fault === undefined && this.#state !== 'done') {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, at + this.#size);
        this.#size -= end - at;
        if (this.#size === 0) this.#state = 'data-cr';
        const chunk = bytes.subarray(at, end);
        at = end;
        onData(chunk);
      } else {
        this.#take(bytes[at] ?? 0);
        at += 1;
      }
    }
    return at;
  }

  #take(byte: number): void {
    switch (this.#state) {
      case 'size':
        return this.#takeSize(byte);
      case 'extension':
        return this.#takeExtension(byte);
      case 'size-end':
        return byte === lineFeed ? this.#endSize() : this.#fail('malformed chunk size');
      case 'data-cr':
        return byte === carriageReturn ? this.#turn('data-lf') : this.#fail('chunk longer than its size');
      case 'data-lf':
        return byte === lineFeed ? this.#turn('size') : this.#fail('chunk longer than its size');
      case 'trailers':
        return this.#takeTrailer(byte);
      case 'data':
      case 'done':
    }
  }

  #takeSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#size = this.#size * 16 + digit;
      this.#digits += 1;
      if (this.#digits > maxSizeDigits) this.#fail('chunk size too long');
    } else if (this.#digits === 0) this.#fail('malformed chunk size');
    else if (byte === carriageReturn) this.#state = 'size-end';
    else if (byte === semicolon) {
      this.#text = ';';
      this.#state = 'extension';
    } else this.#fail('malformed chunk size');
  }

  #takeExtension(byte: number): void {
    if (byte !== carriageReturn) {
      this.#text += String.fromCharCode(byte);
      if (this.#text.length > maxExtensionBytes) this.#fail('chunk extensions too long');
    } else if (extensions.test(this.#text)) this.#state = 'size-end';
    else this.#fail('malformed chunk extension');
  }

  #endSize(): void {
    this.#digits = 0;
    this.#text = '';
    this.#state = this.#size === 0 ? 'trailers' : 'data';
  }

  #takeTrailer(byte: number): void {
    this.#text += String.fromCharCode(byte);
    if (this.#text.length > maxTrailerBytes) return this.#fail('trailers too long');
    if (byte !== lineFeed) return;
    if (this.#text !== '\r\n' && !this.#text.endsWith('\r\n\r\n')) {
      return this.#text.endsWith('\r\n') ? undefined : this.#fail('malformed trailer');
    }
    this.#fault = readFields(this.#text, 0, this.#trailers);
    if (this.#trailers.some((name, i) => i % 2 === 0 && isFraming(name))) this.#fail('framing in a trailer');
    if (this.#fault === undefined) this.#state = 'done';
  }

  #turn(state: State): void {
    this.#state = state;
  }

  #fail(fault: string): void {
    this.#fault = { fault };
  }
}

const isFraming = (name: string): boolean => /^(?:content-length|transfer-encoding)$/i.test(name);

const hexDigit = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
};
