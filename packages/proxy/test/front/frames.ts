import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { shake } from './tls-harness.ts';

/** HTTP/2 in bytes (RFC 9113 §4.1), for what no well-behaved client sends. */
export const frame = (type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

export const types = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
};
export const endStream = 1;
export const endHeaders = 4;

/** RFC 7541: a name and a value as they are. */
export const literal = (name: string, value: string): Buffer => {
  const text = (one: string): Buffer => Buffer.concat([integer(one.length), Buffer.from(one, 'latin1')]);
  return Buffer.concat([Buffer.of(0), text(name), text(value)]);
};

const integer = (value: number): Buffer => {
  if (value < 0x7f) return Buffer.of(value);
  const bytes = [0x7f];
  let left = value - 0x7f;
  for (; left >= 0x80; left >>= 7) bytes.push((left & 0x7f) | 0x80);
  return Buffer.of(...bytes, left);
};

/** GET https://app.test/ from the static table. */
export const get: Buffer = Buffer.concat([Buffer.of(0x82, 0x87, 0x84), literal(':authority', 'app.test')]);
export const post: Buffer = Buffer.concat([Buffer.of(0x83, 0x87, 0x84), literal(':authority', 'app.test')]);

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** A client that says exactly the frames it is told, and shows those it got. */
export class FrameClient {
  readonly socket: TLSSocket;
  readonly frames: Frame[] = [];
  #unread: Buffer = Buffer.alloc(0);
  isClosed = false;

  constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    for (const end of ['end', 'close']) {
      socket.on(end, () => {
        this.isClosed = true;
        socket.emit('frame');
      });
    }
  }

  send(...frames: readonly Buffer[]): boolean {
    return this.socket.write(Buffer.concat(frames));
  }

  /** Every frame by the time that one like this has come; throws when the connection ends before. */
  async until(isIt: (one: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(isIt);
      if (found !== undefined) return found;
      if (this.isClosed) throw new Error(`closed after ${this.frames.map(({ type }) => type).join()}`);
      await once(this.socket, 'frame');
    }
  }

  /** The code of the last GOAWAY, or undefined if the connection just ended. */
  async ended(): Promise<number | undefined> {
    while (!this.isClosed) await once(this.socket, 'frame');
    return this.frames.findLast(({ type }) => type === types.goaway)?.payload.readUInt32BE(4);
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    while (this.#unread.length >= 9) {
      const length = this.#unread.readUIntBE(0, 3);
      if (this.#unread.length < 9 + length) break;
      this.frames.push({
        type: this.#unread.readUInt8(3),
        flags: this.#unread.readUInt8(4),
        stream: this.#unread.readUInt32BE(5),
        payload: this.#unread.subarray(9, 9 + length),
      });
      this.#unread = this.#unread.subarray(9 + length);
    }
    this.socket.emit('frame');
  }
}

/** RFC 9113 §6.5.2: how much of each response the client takes before it says more. */
export const initialWindow = (bytes: number): Buffer => {
  const setting = Buffer.alloc(6);
  setting.writeUInt16BE(4);
  setting.writeUInt32BE(bytes, 2);
  return setting;
};

/** A connection that has exchanged settings. */
export const framed = async (port: number, settings?: Buffer): Promise<FrameClient> => {
  const client = new FrameClient(await shake(port, { ALPNProtocols: ['h2'] }));
  client.send(Buffer.from(preface), frame(types.settings, 0, 0, settings));
  await client.until(({ type, flags }) => type === types.settings && flags === 1);
  client.send(frame(types.settings, 1, 0));
  return client;
};
