import type { Socket } from 'node:net';

/** What the first bytes turned out to be; `undefined` wants more of them. */
export type Judge<T> = (
  bytes: Buffer,
) => { readonly value: T; /** How many bytes at the front are used up. */ readonly used: number } | undefined;

export interface Look<T> {
  readonly timeoutMs: number;
  readonly judge: Judge<T>;
  readonly onSeen: (value: T) => void;
  /** The client left, or was too slow; the socket is destroyed. */
  readonly onFailed: (reason: 'timeout' | 'closed') => void;
}

/**
 * Looks at what a new connection says first and puts back what is not used up, so that the
 * protocol behind it reads the connection from its beginning. The socket is paused when
 * `onSeen` is called: whoever takes it over resumes it.
 */
export const lookAtFirstBytes = <T>(socket: Socket, { timeoutMs, judge, onSeen, onFailed }: Look<T>): void => {
  let bytes: Buffer = Buffer.alloc(0);
  const fail = (reason: 'timeout' | 'closed'): void => {
    leave();
    socket.destroy();
    onFailed(reason);
  };
  const late = setTimeout(fail, timeoutMs, 'timeout');
  const onEnd = (): void => fail('closed');
  const onData = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const seen = judge(bytes);
    if (seen === undefined) return;
    leave();
    socket.pause();
    if (seen.used < bytes.length) socket.unshift(bytes.subarray(seen.used));
    onSeen(seen.value);
  };
  const leave = (): void => {
    clearTimeout(late);
    socket.off('data', onData).off('end', onEnd).off('close', onEnd);
  };
  socket.on('data', onData).on('end', onEnd).on('close', onEnd);
};
