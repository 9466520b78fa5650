import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { admit, hasBody } from './admission.ts';
import { ClientConnection } from './client-connection.ts';
import { Http1Side } from './http1-side.ts';
import { serve, type Request, type ServeDeps } from './serve.ts';
import { maxRequestHeaderBytes } from './settings.ts';

/** How often Node looks for slow heads; its own 30 s would make a limit of 15 s fire at 45. */
const headCheckMs = 1_000;

export interface Front {
  readonly server: Server;
  /** Every open client socket, upgraded ones too. */
  readonly connections: ReadonlyMap<Duplex, ClientConnection>;
}

/** The side that clients see: Node's HTTP server, with everything that it leaves open decided. */
export const createFront = (deps: ServeDeps): Front => {
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
    // Everything else that mentions Upgrade is an ordinary request.
    shouldUpgradeCallback: isWebSocket,
  });
  server.timeout = timeouts.bodyIdleMs;
  // A client may stop talking and still wait for its response; Node would drop that.
  Object.assign(server, { httpAllowHalfOpen: true });
  return { server, connections: listenToClients(server, deps) };
};

/** What a request asks for beyond its response. */
interface Asks extends Pick<Request, 'expectation'> {
  readonly upgradeHead?: Buffer;
}

const listenToClients = (server: Server, deps: ServeDeps): Front['connections'] => {
  const connections = new Map<Duplex, ClientConnection>();
  const accept = (req: IncomingMessage, res: ServerResponse, { expectation, upgradeHead }: Asks): void => {
    const connection = connections.get(req.socket);
    if (connection === undefined || connection.isEnding) {
      req.resume();
      return;
    }
    connection.opened(res);
    const client = new Http1Side({ connection, req, res, upgradeHead });
    const wantsUpgrade = upgradeHead !== undefined;
    serve(deps, { client, admission: admit(req), wantsUpgrade, ...(expectation && { expectation }) });
  };
  server.on('connection', (socket) => {
    connections.set(socket, new ClientConnection(socket, deps.timeouts));
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (req, res) => accept(req, res, {}));
  server.on('checkContinue', (req, res) => accept(req, res, { expectation: 'continue' }));
  server.on('checkExpectation', (req, res) => accept(req, res, { expectation: 'unknown' }));
  server.on('connect', (req) => accept(req, ownResponse(req), {}));
  server.on('upgrade', (req, _, head) => accept(req, ownResponse(req), { upgradeHead: head }));
  server.on('timeout', (socket) => connections.get(socket)?.onSilence());
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const connection = connections.get(socket);
    const status = statusOfFault(error.code);
    if (connection === undefined || status === undefined) {
      socket.destroy();
      return;
    }
    if (!connection.isEnding) {
      deps.observe({ kind: 'refused', peer: connection.peer.address, status, reason: error.code ?? error.message });
    }
    connection.onParserFault(status);
  });
  return connections;
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
  const onDrain = (): boolean => res.emit('drain');
  socket.on('error', () => socket.destroy());
  socket.on('drain', onDrain);
  res.once('finish', () => {
    socket.off('drain', onDrain);
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
