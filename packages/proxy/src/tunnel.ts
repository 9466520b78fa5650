import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RawFields } from './upstream.ts';

/** Longer than any sane ping interval would be kinder, but the kernel asks only the peer's kernel. */
const keepAliveProbeMs = 60_000;

export interface Ends {
  readonly client: Socket;
  /** What the client sent behind its request head. */
  readonly head: Buffer;
  readonly target: Duplex;
  readonly limits: TunnelLimits;
}

/** Once one side is gone or done talking; as long as both talk a tunnel may be silent. */
export interface TunnelLimits {
  /** How long nothing may move on a side that is done talking, or that is owed something. */
  readonly bodyIdleMs: number;
  /** What it may take to end, once it has all of it. */
  readonly lingerMs: number;
}

/** Bytes both ways, unread: each side's end reaches the other, and one side's death is both sides'. */
export const openTunnel = (fields: RawFields, { client, head, target, limits }: Ends, onClosed: () => void): void => {
  for (const socket of [client, target]) {
    if (!(socket instanceof Socket)) continue;
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveProbeMs);
  }
  const other = new Map<Duplex, Duplex>([
    [client, target],
    [target, client],
  ]);
  let open = other.size;
  for (const [one, peer] of other) {
    one.on('error', () => peer.destroy());
    if (one.readableEnded) endOnSilence(one, limits);
    else one.once('end', () => endOnSilence(one, limits));
    one.once('close', () => {
      // Whatever this side still had to say is in the peer's buffer by now.
      if (one.readableEnded) endAlone(peer, limits);
      else peer.destroy();
      open -= 1;
      if (open === 0) onClosed();
    });
  }
  client.write(switching(fields), 'latin1');
  if (head.length > 0) target.write(head);
  client.pipe(target);
  target.pipe(client);
};

const endOnSilence = (side: Duplex, { bodyIdleMs }: TunnelLimits): void => {
  if (side instanceof Socket) side.setTimeout(bodyIdleMs, () => side.destroy());
};

/**
 * Lets a side whose peer is gone have what it is owed. Nobody hears it any more: what it says is
 * swallowed, since its end would not be seen behind it.
 */
const endAlone = (side: Duplex, limits: TunnelLimits): void => {
  if (side.closed) return;
  endOnSilence(side, limits);
  const linger = (): void => {
    const limit = setTimeout(() => side.destroy(), limits.lingerMs);
    side.once('close', () => clearTimeout(limit));
  };
  if (side.writableFinished) linger();
  else side.once('finish', linger);
  side.end();
  side.resume();
};

const switching = (fields: RawFields): string => {
  let head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return `${head}\r\n`;
};
