// Stands between orca and its engine, and does to their conversation what networks and crashes do.
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { CallNames, isEvents, isMutation } from './engine-calls.ts';
import { EventStreams, type EventsMode } from './event-streams.ts';

/** A call that can change something in the engine. */
export interface Call {
  /** Counted from 1, since the last `reset`. */
  readonly number: number;
  /** Such as `create orca-web.next`: the same for the same step of each run. */
  readonly name: string;
}

/**
 * What happens to a call: it passes; it passes later; the engine never sees it and 500 is answered, or nothing;
 * the engine does it and the reply is cut in the middle, or lost.
 */
export type Fate =
  | { readonly kind: 'pass' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'sever' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'drop' };

export interface Faults {
  /** Asked before a mutating call is passed on; the call waits for the answer. */
  readonly before?: (call: Call) => Fate | Promise<Fate>;
  /** Told when the engine has done it; the reply waits for its end. */
  readonly after?: (call: Call) => void | Promise<void>;
}

export interface DockerProxy extends AsyncDisposable {
  /** For `DOCKER_HOST`. */
  readonly host: string;
  /** Names of the mutating calls since the last `reset`, in the order in which they came. */
  readonly mutations: readonly string[];
  /** Lists of containers since the last `reset`: each pass of orca begins with one. */
  readonly lists: number;
  /** Counts from 1 again, under these faults from now on. */
  reset(faults?: Faults): void;
  /** From now on, for open event streams as well as for later ones. */
  events(mode: EventsMode): void;
}

export const dockerProxy = async (socketPath: string, engineSocketPath: string): Promise<DockerProxy> => {
  const proxy = new Proxy(socketPath, engineSocketPath);
  await proxy.listen();
  return proxy;
};

class Proxy implements DockerProxy {
  readonly host: string;
  readonly #socketPath: string;
  readonly #engine: string;
  readonly #server: Server;
  readonly #streams = new EventStreams();
  readonly #names = new CallNames();
  #mutations: string[] = [];
  #lists = 0;
  #faults: Faults = {};

  constructor(socketPath: string, engine: string) {
    this.host = `unix://${socketPath}`;
    this.#socketPath = socketPath;
    this.#engine = engine;
    this.#server = createServer((req, res) => void this.#serve(req, res));
    this.#server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => this.#tunnel(req, socket, head));
    this.#server.requestTimeout = 0;
  }

  get mutations(): readonly string[] {
    return this.#mutations;
  }

  get lists(): number {
    return this.#lists;
  }

  listen(): Promise<void> {
    return new Promise((done, fail) => {
      this.#server.once('error', fail);
      this.#server.listen(this.#socketPath, done);
    });
  }

  reset(faults: Faults = {}): void {
    this.#faults = faults;
    this.#mutations = [];
    this.#lists = 0;
  }

  events(mode: EventsMode): void {
    this.#streams.change(mode);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((done) => this.#server.close(() => done()));
    this.#server.closeAllConnections();
    this.#streams.change('cut');
    await closed;
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    // A client that was killed is no fault of the proxy.
    res.on('error', () => res.destroy());
    req.on('error', () => res.destroy());
    if (/\/containers\/json/.test(req.url ?? '')) this.#lists += 1;
    if (!isMutation(req)) return this.#pass(req, res);
    const name = this.#names.of(req);
    this.#mutations.push(name);
    const call = { number: this.#mutations.length, name };
    // The faults of the moment at which the call came: a reset meanwhile is for later ones.
    const { before, after } = this.#faults;
    const fate: Fate = (await before?.(call)) ?? { kind: 'pass' };
    switch (fate.kind) {
      case 'refuse':
        req.resume();
        res.writeHead(500, { 'content-type': 'application/json' });
        return void res.end('{"message":"refused on purpose"}\n');
      case 'sever':
        return void req.socket.destroy();
      case 'delay':
        await new Promise((done) => setTimeout(done, fate.ms));
        return this.#execute({ req, res, call, fate, after });
      case 'pass':
      case 'cut':
      case 'drop':
        return this.#execute({ req, res, call, fate, after });
      default:
        return fate satisfies never;
    }
  }

  /** Collects the whole reply, so that the engine is known to be through before anybody hears of it. */
  #execute({ req, res, call, fate, after }: Execution): void {
    // What the engine began it goes on with, although the client may be dead by now.
    const upstream = this.#ask(req, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', () => res.destroy());
      answer.on('end', () => {
        const body = Buffer.concat(chunks);
        this.#names.learn(req, answer.statusCode, body);
        void Promise.resolve(after?.(call)).then(() => reply(res, { answer, body, fate }));
      });
    });
    upstream.on('error', () => req.socket.destroy());
    req.pipe(upstream);
  }

  #pass(req: IncomingMessage, res: ServerResponse): void {
    const upstream = this.#ask(req, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      if (isEvents(req)) return this.#streams.add(answer, res);
      answer.on('error', () => res.destroy());
      answer.pipe(res);
    });
    upstream.on('error', () => req.socket.destroy());
    res.on('close', () => upstream.destroy());
    req.pipe(upstream);
  }

  #ask(req: IncomingMessage, answered: (answer: IncomingMessage) => void) {
    const { method, url: path, headers } = req;
    return request({ socketPath: this.#engine, method, path, headers, agent: false }, answered);
  }

  /** A hijacked connection is no HTTP any more: bytes, both ways. */
  #tunnel(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const upstream = connect(this.#engine);
    const lines = [`${req.method} ${req.url} HTTP/1.1`];
    for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) lines.push(`${req.rawHeaders[i]}: ${req.rawHeaders[i + 1]}`);
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  }
}

interface Execution {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly call: Call;
  readonly fate: Fate;
  readonly after: Faults['after'];
}

interface Reply {
  readonly answer: IncomingMessage;
  readonly body: Buffer;
  readonly fate: Fate;
}

const reply = (res: ServerResponse, { answer, body, fate }: Reply): void => {
  if (fate.kind === 'drop' || res.destroyed) return void res.destroy();
  const { 'transfer-encoding': _, ...headers } = answer.headers;
  // A length that is not kept is how a cut shows on the other side.
  res.writeHead(answer.statusCode ?? 502, {
    ...headers,
    'content-length': body.length + (fate.kind === 'cut' ? 1 : 0),
  });
  if (fate.kind !== 'cut') return void res.end(answer.statusCode === 204 ? undefined : body);
  res.write(body.subarray(0, Math.floor(body.length / 2)), () => res.destroy());
};
