import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Tunnel {
  readonly sent: number;
  readonly echoed: number;
  /** Why it did not end as the client wanted it to. */
  readonly fault: string | undefined;
}

const patienceMs = 60_000;

/** Opens a WebSocket through the proxy, has its bytes echoed for a while, and closes it. */
export const talkUpgraded = async (o: {
  readonly port: number;
  readonly host: string;
  readonly forMs: number;
}): Promise<Tunnel> => {
  const socket = connect(o.port, '127.0.0.1');
  let got = '';
  let fault: string | undefined;
  let isClosed = false;
  socket.on('data', (chunk: Buffer) => (got += chunk.toString('latin1')));
  socket.on('error', (error) => (fault = error.message));
  socket.on('close', () => (isClosed = true));
  socket.write(
    `GET / HTTP/1.1\r\nHost: ${o.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const late = performance.now() + patienceMs;
  while (!got.includes('\r\n\r\n') && !isClosed && performance.now() < late) await sleep(20);
  const head = got.slice(0, got.indexOf('\r\n\r\n') + 4);
  if (!head.startsWith('HTTP/1.1 101')) fault ??= `not upgraded: ${got.slice(0, 60)}`;
  const until = performance.now() + o.forMs;
  let sent = 0;
  while (fault === undefined && !isClosed && performance.now() < until) {
    socket.write('#');
    sent += 1;
    await sleep(100);
  }
  if (isClosed) fault ??= `closed by the other side after ${sent} bytes`;
  // What was sent last comes back within the round trip, which may be a long one.
  const lost = performance.now() + patienceMs;
  while (got.length - head.length < sent && !isClosed && performance.now() < lost) await sleep(20);
  socket.destroy();
  return { sent, echoed: got.length - head.length, fault };
};
