import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';

/** A two-way line of messages to another process. After its end nothing is sent, and nothing heard. */
export interface Line {
  /** A listening handle may go along where the line can carry one. */
  send(message: object, handle?: object): void;
  /** One listener; messages before it is set are not lost. */
  onMessage(listener: Listener): void;
  readonly ended: Promise<void>;
  end(): void;
}

type Listener = (message: unknown, handle: unknown) => void;
type Channel = NodeJS.Process | ChildProcess;

/** The channel between a process and one that it has forked. */
export const channelLine = (channel: Channel): Line => {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  channel.once('disconnect', resolve);
  if (!channel.connected) resolve();
  return {
    send: (message, handle) => {
      if (!channel.connected) return;
      // Node takes raw listening handles, as its own cluster module sends them; its types do not know.
      channel.send?.(message, handle as Socket | undefined, undefined, (error) => {
        // Whoever waits for an answer is told by the end of the line.
        if (error !== null) resolve();
      });
    },
    onMessage: (listener) => void channel.on('message', listener),
    ended,
    end: () => {
      if (channel.connected) channel.disconnect?.();
    },
  };
};

/** A table with thousands of routes and certificates is some megabytes. */
const maxMessageChars = 64 * 1024 * 1024;
/** A peer that does not read is given up rather than kept in memory. */
const maxUnsentBytes = 2 * maxMessageChars;

/**
 * JSON objects, one to a line of a stream socket. Anything else, or one that is too long, ends
 * the line, and `onFault` is told why: who garbles one message is not to be believed the next.
 */
export const socketLine = (socket: Socket, onFault: (reason: string) => void): Line => {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const decoder = new StringDecoder('utf8');
  let listener: Listener = () => undefined;
  let parts: string[] = [];
  let length = 0;
  const refuse = (reason: string): void => {
    parts = [];
    onFault(reason);
    socket.destroy();
  };
  const take = (text: string): void => {
    const [first = '', ...rest] = text.split('\n');
    parts.push(first);
    length += first.length;
    for (const next of rest) {
      const message = parse(parts.join(''));
      [parts, length] = [[next], next.length];
      if (socket.destroyed) return;
      if (message === undefined) return refuse('a message is no JSON object');
      listener(message, undefined);
    }
    if (length > maxMessageChars) refuse('a message is too long');
  };
  socket.on('data', (chunk: Buffer) => take(decoder.write(chunk)));
  // Every error is followed by a close.
  socket.on('error', () => undefined);
  socket.once('end', () => socket.end());
  socket.once('close', () => resolve());
  socket.pause();
  return {
    send: (message) => {
      if (!socket.writable) return;
      socket.write(`${JSON.stringify(message)}\n`);
      if (socket.writableLength > maxUnsentBytes) refuse('it does not read what it is sent');
    },
    onMessage: (next) => {
      listener = next;
      socket.resume();
    },
    ended,
    end: () => socket.destroySoon(),
  };
};

const parse = (text: string): object | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
};
