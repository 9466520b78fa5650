import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { plainAddress } from '../address.ts';
import { ProxyError } from '../errors.ts';
import type { Observer } from '../events.ts';
import { compileTrust } from '../trust.ts';
import { lookAtFirstBytes } from './first-bytes.ts';
import type { Gate } from './gate.ts';
import { judgeProxyHeader } from './proxy-protocol.ts';

/** How long a load balancer may take for its header. */
const proxyHeaderMs = 3_000;

/**
 * How many connections may wait to be taken; the kernel allows at most `net.core.somaxconn`. With
 * Node's 511 a thousand clients that come back at once wait for a second until they try again.
 */
const backlog = 4096;

/** The kernel asks a client that is silent for so long whether it is still there. */
const socketOptions = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };

export interface ListenerOptions {
  readonly gate: Gate;
  readonly observe: Observer;
  /** Networks whose PROXY header is demanded and believed; others are clients themselves. */
  readonly proxyProtocolFrom: readonly string[];
  /** Takes over a connection, paused or not, from the address that it comes from. */
  readonly onConnection: (socket: Socket, address: string) => void;
}

export interface Listener {
  /**
   * On a port, or on handles of one that is bound already. libuv takes one connection of each handle
   * in a turn of its loop, however many wait.
   */
  listen(
    where: { readonly port: number; readonly host: string | undefined } | { readonly handles: readonly object[] },
  ): Promise<void>;
  readonly address: AddressInfo | undefined;
  /** Takes no more connections; resolves when the last one is closed. */
  close(): Promise<void>;
}

/** One port, open for as long as the proxy is: what is served behind it changes, the listener never does. */
export const createListener = ({ gate, observe, proxyProtocolFrom, onConnection }: ListenerOptions): Listener => {
  const isBalancer = compileTrust(proxyProtocolFrom, 'balancer');
  const take = (socket: Socket, address: string): void => {
    if (gate.admitFrom(socket, address)) onConnection(socket, address);
  };
  const greet = (socket: Socket): void => {
    // From here on somebody always listens: a reset may come at any time.
    socket.on('error', () => {});
    const address = plainAddress(socket.remoteAddress ?? '');
    if (address === '') {
      socket.destroy();
      return;
    }
    if (!gate.admit(socket)) return;
    if (!isBalancer(address)) {
      take(socket, address);
      return;
    }
    const refuse = (reason: string): void => {
      observe({ kind: 'refused', peer: address, status: 400, reason });
      socket.destroy();
    };
    lookAtFirstBytes(socket, {
      timeoutMs: proxyHeaderMs,
      judge: judgeProxyHeader,
      onSeen: (header) => {
        if (header.kind === 'malformed') refuse(header.reason);
        else take(socket, header.kind === 'source' ? plainAddress(header.address) : address);
      },
      onFailed: (why) => refuse(why === 'timeout' ? 'no PROXY header in time' : 'closed before its PROXY header'),
    });
  };
  let servers: readonly Server[] = [];
  let isOpen = false;
  const close = async (): Promise<void> => {
    isOpen = false;
    await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  };
  return {
    listen: async (where) => {
      if (isOpen) throw new ProxyError('ORCA_PROXY_ALREADY_LISTENING', 'listen() was called before');
      const places = 'handles' in where ? where.handles : [where];
      if (places.length === 0) throw new ProxyError('ORCA_PROXY_PORT_UNAVAILABLE', 'there is no handle to listen on');
      isOpen = true;
      servers = places.map(() => createServer(socketOptions, greet));
      const begin = async (server: Server, nth: number): Promise<unknown> =>
        once(server.listen(places[nth], backlog), 'listening');
      try {
        await Promise.all(servers.map(begin));
      } catch (error) {
        // All or none: who is told that it failed must not find it listening.
        void close();
        throw error;
      }
      // Such as no descriptor left for the next connection: it passes, and the listener stays.
      for (const server of servers) server.on('error', (cause) => observe({ kind: 'listener-failed', cause }));
    },
    get address() {
      const address = servers[0]?.address() ?? null;
      return address === null || typeof address === 'string' ? undefined : address;
    },
    close,
  };
};
