import type { Judge } from '../listener/first-bytes.ts';

/** What a TLS client asks for before anything is decided (RFC 8446 §4.1.2). */
export interface ClientHello {
  /** Lower-case; `undefined` when it names none. */
  readonly serverName: string | undefined;
  readonly protocols: readonly string[];
}

/** The longest that OpenSSL reads; whoever sends more gets its answer. */
const longestHello = 16 * 1024;

/**
 * Reads a ClientHello that may come in several records, and uses up none of it. Anything odd is
 * `null`: TLS itself has to answer it, with the alert that it deserves.
 */
export const judgeClientHello: Judge<ClientHello | null> = (bytes) => {
  const message = handshakeOf(bytes);
  if (message === undefined) return undefined;
  return { value: message === null ? null : parseHello(message), used: 0 };
};

/** More records than any client cuts its hello into. */
const mostRecords = 32;

/** The first handshake message, out of its records; `undefined` while it is incomplete. */
const handshakeOf = (bytes: Buffer): Buffer | null | undefined => {
  const parts: Buffer[] = [];
  let at = 0;
  while (parts.length < mostRecords) {
    if (bytes.length > at && bytes[at] !== 0x16) return null;
    if (bytes.length < at + 5) return messageIn(parts);
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > longestHello) return null;
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
    if (at >= bytes.length) return messageIn(parts);
  }
  return messageIn(parts) ?? null;
};

const messageIn = (parts: readonly Buffer[]): Buffer | null | undefined => {
  const message = Buffer.concat(parts);
  if (message.length > 0 && message[0] !== 0x01) return null;
  if (message.length < 4) return undefined;
  const end = 4 + message.readUIntBE(1, 3);
  if (end > longestHello) return null;
  return message.length < end ? undefined : message.subarray(4, end);
};

const parseHello = (message: Buffer): ClientHello | null => {
  try {
    const reader = new Reader(message);
    reader.skip(2 + 32);
    reader.vector(1);
    reader.vector(2);
    reader.vector(1);
    let serverName: string | undefined;
    let protocols: readonly string[] = [];
    if (reader.isAtEnd) return { serverName, protocols };
    const extensions = new Reader(reader.vector(2));
    while (!extensions.isAtEnd) {
      const type = extensions.number(2);
      const data = new Reader(extensions.vector(2));
      if (type === 0) serverName = nameIn(data);
      if (type === 16) protocols = protocolsIn(data);
    }
    return { serverName, protocols };
  } catch {
    // Lengths that do not add up; OpenSSL says so better than we could.
    return null;
  }
};

/** RFC 6066 §3: the entry of type host_name. */
const nameIn = (data: Reader): string | undefined => {
  const list = new Reader(data.vector(2));
  while (!list.isAtEnd) {
    const type = list.number(1);
    const name = list.vector(2).toString('latin1').toLowerCase();
    if (type === 0) return name;
  }
  return undefined;
};

/** RFC 7301 §3.1. */
const protocolsIn = (data: Reader): readonly string[] => {
  const list = new Reader(data.vector(2));
  const protocols: string[] = [];
  while (!list.isAtEnd) protocols.push(list.vector(1).toString('latin1'));
  return protocols;
};

/** Throws beyond the end. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  skip(count: number): void {
    this.#take(count);
  }

  number(width: number): number {
    return this.#take(width).readUIntBE(0, width);
  }

  /** Bytes behind a length of so many bytes. */
  vector(width: number): Buffer {
    return this.#take(this.number(width));
  }

  #take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new RangeError('beyond the end');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
