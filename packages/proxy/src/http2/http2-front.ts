import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { serve, type ServeDeps } from '../serve.ts';
import type { ProxyLimits } from '../settings.ts';
import type { Secured } from '../tls/tls-front.ts';
import { admitHttp2, readHead } from './http2-admission.ts';
import { Http2Side } from './http2-side.ts';
import { Http2Connection } from './http2-connection.ts';

/** Fields of a request head, and their size; more of either resets the stream. */
const maxFields = 1_000;
const maxHeaderListBytes = 64 * 1024;

export interface Http2FrontDeps extends ServeDeps {
  readonly limits: () => ProxyLimits;
}

export interface Http2Front {
  take(secured: Secured): void;
  /** Tells every client that no request may follow, and closes each connection behind its last one. */
  close(): void;
  /** Ends every connection at once. */
  cut(): void;
}

/** The side that clients of HTTP/2 see: nghttp2, with everything that it leaves open decided. */
export const createHttp2Front = (deps: Http2FrontDeps): Http2Front => {
  const connections = new Set<Http2Connection>();
  return {
    take: (secured) => {
      const session = openSession(secured, deps.limits());
      const connection = new Http2Connection(session, { ...deps, address: secured.address });
      connections.add(connection);
      session.once('close', () => connections.delete(connection));
      const peer = { address: secured.address, isSecure: true };
      session.on('stream', (stream, _, flags, raw) => {
        // Called off before it was heard of.
        if (stream.destroyed) return;
        connection.opened(stream);
        accept(deps, { stream, flags, raw, peer, covers: secured.covers });
      });
      if (deps.isClosing()) connection.retire();
    },
    close: () => {
      for (const connection of connections) connection.retire();
    },
    cut: () => {
      for (const connection of connections) connection.cut();
    },
  };
};

const openSession = ({ socket }: Secured, limits: ProxyLimits): ServerHttp2Session => {
  // Streams end, connections of HTTP/2 do not end by halves: a client that sends no more has left.
  socket.allowHalfOpen = false;
  const session = performServerHandshake(socket, {
    maxHeaderListPairs: maxFields,
    streamResetBurst: limits.http2ResetBurst,
    streamResetRate: limits.http2ResetsPerSecond,
    // What a target repeats is for the client to judge.
    strictSingleValueFields: false,
    settings: {
      enablePush: false,
      maxConcurrentStreams: limits.http2Streams,
      maxHeaderListSize: maxHeaderListBytes,
      initialWindowSize: limits.http2StreamWindowBytes,
    },
  });
  session.setLocalWindowSize(limits.http2ConnectionWindowBytes);
  return session;
};

interface Arrived {
  readonly stream: ServerHttp2Stream;
  readonly flags: number;
  readonly raw: readonly string[];
  readonly peer: { readonly address: string; readonly isSecure: boolean };
  readonly covers: (name: string) => boolean;
}

const accept = (deps: ServeDeps, { stream, flags, raw, peer, covers }: Arrived): void => {
  const head = readHead(raw);
  const hasBody = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0;
  const client = new Http2Side({ stream, head, hasBody, peer, covers, idleMs: deps.timeouts.bodyIdleMs });
  const expectation = expectationOf(head.expect);
  serve(deps, { client, admission: admitHttp2(head), wantsUpgrade: false, ...(expectation && { expectation }) });
};

const expectationOf = (expect: string | undefined): 'continue' | 'unknown' | undefined => {
  if (expect === undefined) return undefined;
  return expect.toLowerCase() === '100-continue' ? 'continue' : 'unknown';
};
