import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { admit, hasBody, refuse } from './admission.ts';
import { ClientConnection } from './client-connection.ts';
import type { Peer } from './client-side.ts';
import { Http1Side } from './http1-side.ts';
import { serve, type Request, type ServeDeps } from './serve.ts';
import { maxRequestHeaderBytes } from './settings.ts';

/** How often Node looks for slow heads; its own 30 s would make a limit of 15 s fire at 45. */
const headCheckMs = 1_000;

/** A connection that speaks HTTP/1, whatever is underneath. */
export interface Http1Connection {
  readonly socket: Socket;
  readonly peer: Peer;
  /** Whether the client may ask for this host here. */
  readonly covers: (name: string) => boolean;
  /** Ends the connection so that no client takes what it has for complete. */
  readonly reset: () => void;
}

export interface Http1Front {
  take(connection: Http1Connection): void;
  /** Every open client socket, upgraded ones too. */
  readonly connections: ReadonlyMap<Duplex, ClientConnection>;
  /** Ends idle connections; those in use end with their response. */
  close(): void;
  /** Each connection ends with its next response: on an idle one a request may be on its way. */
  retire(): void;
}

/** The side that clients of HTTP/1 see: Node's server, with everything that it leaves open decided. */
export const createHttp1Front = (deps: ServeDeps): Http1Front => {
  const { timeouts } = deps;
  const server = createServer({
    maxHeaderSize: maxRequestHeaderBytes,
    headersTimeout: timeouts.headersMs,
    connectionsCheckingInterval: Math.min(headCheckMs, timeouts.headersMs),
    // Covers the whole body by the clock, which ends long uploads; silence is what we limit.
    requestTimeout: 0,
    keepAliveTimeout: timeouts.keepAliveMs,
    // Refused by our own rules, with our own page.
    requireHostHeader: false,
    // A request without a body is no stream for anybody: its events and their ticks are saved.
    optimizeEmptyRequests: true,
    // Everything else that mentions Upgrade is an ordinary request.
    shouldUpgradeCallback: isWebSocket,
  });
  server.timeout = timeouts.bodyIdleMs;
  // A client may stop talking and still wait for its response; Node would drop that.
  Object.assign(server, { httpAllowHalfOpen: true });
  // The sockets come from listeners of ours; this starts the server's watch over slow heads.
  server.emit('listening');
  const connections = new Map<Duplex, ClientConnection>();
  listenToClients(server, connections, deps);
  return {
    connections,
    take: (connection) => {
      const { socket } = connection;
      server.emit('connection', socket);
      // Somebody may have looked at its first bytes.
      if (socket.isPaused()) socket.resume();
      connections.set(socket, new ClientConnection(connection, timeouts));
      socket.once('close', () => connections.delete(socket));
    },
    close: () => {
      server.close(() => {});
      for (const connection of connections.values()) connection.retire();
    },
    retire: () => {
      for (const connection of connections.values()) connection.endWithNextResponse();
    },
  };
};

/** Requests of one connection that wait for their responses; as many as an HTTP/2 client may have streams. */
const mostPipelined = 100;

/** What a request asks for beyond its response. */
interface Asks extends Pick<Request, 'expectation'> {
  readonly upgradeHead?: Buffer;
}

const listenToClients = (server: Server, connections: Http1Front['connections'], deps: ServeDeps): void => {
  const accept = (req: IncomingMessage, res: ServerResponse, { expectation, upgradeHead }: Asks): void => {
    const connection = connections.get(req.socket);
    if (connection === undefined || connection.isEnding) {
      req.resume();
      return;
    }
    // Node reads on while nothing is answered: without an end, one connection would open any number to a target.
    const admission = connection.pending < mostPipelined ? admit(req) : refuse(503, 'too many requests in a row');
    connection.opened(res);
    const client = new Http1Side({ connection, req, res, upgradeHead });
    const wantsUpgrade = upgradeHead !== undefined;
    serve(deps, { client, admission, wantsUpgrade, ...(expectation && { expectation }) });
  };
  server.on('request', (req, res) => accept(req, res, {}));
  server.on('checkContinue', (req, res) => accept(req, res, { expectation: 'continue' }));
  server.on('checkExpectation', (req, res) => accept(req, res, { expectation: 'unknown' }));
  // Node hands these over as soon as it has read them, whatever is still owed to earlier requests (RFC 9112 §9.3.2).
  const inTurn = (req: IncomingMessage, asks: Asks): void => {
    const connection = connections.get(req.socket);
    connection?.handedOver();
    connection?.afterResponses(() => {
      // Behind an earlier response Node waits for a next request, as long as it may.
      req.socket.setTimeout(deps.timeouts.bodyIdleMs);
      accept(req, ownResponse(req), asks);
    });
  };
  server.on('connect', (req) => inTurn(req, {}));
  server.on('upgrade', (req, _, head) => inTurn(req, { upgradeHead: head }));
  server.on('timeout', (socket) => connections.get(socket)?.onSilence());
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const connection = connections.get(socket);
    const status = statusOfFault(error.code);
    if (connection === undefined || status === undefined) {
      socket.destroy();
      return;
    }
    const concerned = connection.onParserFault(status);
    if (concerned === 'ending') return;
    const reason = error.code ?? error.message;
    deps.observe({ kind: 'refused', peer: connection.peer.address, status, reason });
    if (concerned === 'connection') deps.journal.refused(connection.peer, status, reason);
  });
};

/** RFC 6455 §4.1; a body would be ambiguous with the bytes of the new protocol. */
const isWebSocket = (req: IncomingMessage): boolean =>
  req.method === 'GET' &&
  req.httpVersion === '1.1' &&
  !hasBody(req) &&
  (req.headers.upgrade ?? '').split(',').some((token) => token.trim().toLowerCase() === 'websocket');

/** Node hands over the bare socket of a request that leaves HTTP; it may yet be answered in HTTP. */
const ownResponse = (req: IncomingMessage): ServerResponse => {
  const { socket } = req;
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  res.assignSocket(socket);
  res.once('finish', () => {
    res.detachSocket(socket);
    socket.destroySoon();
  });
  return res;
};

/** The parser's verdicts; anything else is the socket's own trouble, and there is nobody to answer. */
const statusOfFault = (code: string | undefined): number | undefined => {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return code?.startsWith('HPE_') === true ? 400 : undefined;
};
