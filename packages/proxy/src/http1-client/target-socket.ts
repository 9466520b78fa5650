import { readSync } from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';

/**
 * A target that answers before it has read the whole request, and closes, makes the next write
 * fail. Node then closes the socket, although the answer may be in the kernel already, unread.
 * This one gives its owner a last chance to read it (RFC 9112 §9.6).
 */
export class TargetSocket extends Socket {
  readonly #onWriteFailed: (socket: TargetSocket) => void;

  constructor(options: SocketConstructorOpts, onWriteFailed: (socket: TargetSocket) => void) {
    super(options);
    this.#onWriteFailed = onWriteFailed;
  }

  override _destroy(error: NodeJS.ErrnoException | null, done: (error?: Error | null) => void): void {
    if (error?.syscall === 'write') this.#onWriteFailed(this);
    super._destroy(error, done);
  }

  /** What has arrived and was not read, as far as it fits; 0 when nothing is left. Never waits. */
  readNow(into: Buffer): number {
    const fd = fdOf(this);
    if (fd === undefined) return 0;
    try {
      return readSync(fd, into);
    } catch {
      // Nothing there at the moment, or nothing any more.
      return 0;
    }
  }
}

/** Node has no public name for a socket's descriptor. Without it an answer may be lost, as everywhere else. */
const fdOf = (socket: object): number | undefined => {
  const handle: unknown = '_handle' in socket ? socket._handle : undefined;
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined;
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
};
