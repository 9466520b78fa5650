import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { hasBody, type Admitted } from './admission.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Observer } from './events.ts';
import type { Flight, Ledger } from './ledger.ts';
import { answer } from './refusal.ts';
import { RequestBody } from './request-body.ts';
import { requestFields } from './request-fields.ts';
import { fieldValue, isEventStream, plainReason, responseFields } from './response-fields.ts';
import { forwardedPath, type Target } from './route.ts';
import type { ProxyTimeouts } from './settings.ts';
import type { Table } from './table.ts';
import { openTunnel } from './tunnel.ts';
import type { RawFields, Upstream, UpstreamCall, UpstreamFailure, UpstreamHandler } from './upstream.ts';

export interface ExchangeDeps {
  readonly table: Table;
  readonly ledger: Ledger;
  readonly upstream: Upstream;
  readonly observe: Observer;
  readonly timeouts: ProxyTimeouts;
  readonly allowedNames: ReadonlySet<string>;
  /** Whether connections should end with their present response. */
  readonly isClosing: () => boolean;
}

export interface ClientRequest {
  readonly connection: ClientConnection;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly admitted: Admitted;
  /** Bytes behind the head of a WebSocket request; `undefined` for every other request. */
  readonly upgradeHead: Buffer | undefined;
  /** The client waits for a 100 before it sends its body. */
  readonly expectsContinue: boolean;
}

/** RFC 9110 §9.2.2: repeating one of these changes nothing. TRACE is not forwarded at all. */
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** One request from admission to its last byte, over as many attempts as are safe. */
export class Exchange implements UpstreamHandler, Flight {
  readonly #deps: ExchangeDeps;
  readonly #client: ClientRequest;
  readonly #bodied: boolean;
  readonly #tried = new Set<string>();
  #target: Target | undefined;
  #call: UpstreamCall | undefined;
  #body: RequestBody | undefined;
  #idle: NodeJS.Timeout | undefined;
  #replayed = false;
  #bodiless = false;
  #wrote = false;
  /** The client can tell a complete response from one that broke off. */
  #isDelimited = true;
  #tunnelEnd: Duplex | undefined;
  /** No target works for this exchange any more; at most the client still reads. */
  #over = false;

  constructor(deps: ExchangeDeps, client: ClientRequest) {
    this.#deps = deps;
    this.#client = client;
    this.#bodied = hasBody(client.req);
  }

  get isTunnel(): boolean {
    return this.#tunnelEnd !== undefined;
  }

  /** The client owes us bytes, and we are ready to take them. */
  get awaitsBody(): boolean {
    return !this.#over && this.#body?.begun === true && !this.#body.isHeldBack && !this.#client.req.complete;
  }

  /** The request is not all there yet. */
  get isIncomplete(): boolean {
    return this.#bodied && !this.#client.req.complete;
  }

  start(): void {
    this.#client.res.on('drain', () => this.#call?.resume());
    this.#attempt();
  }

  // The client's side.

  clientGone(): void {
    if (this.#over || this.isTunnel) return;
    if (this.#target !== undefined) this.#deps.observe({ kind: 'client-gone', targetId: this.#target.id });
    this.#stop();
  }

  /** The request's body is malformed (400) or does not come (408). */
  bodyFailed(status: number): void {
    if (this.#over) return;
    this.#stop();
    this.#end(status);
  }

  // The ledger's side.

  cut(): void {
    if (this.#tunnelEnd !== undefined) {
      this.#leave();
      this.#client.connection.socket.destroySoon();
      this.#tunnelEnd.destroy();
      return;
    }
    this.#stop();
    this.#end(503);
  }

  // The target's side.

  interim(status: number, fields: RawFields): void {
    // HTTP/1.0 clients know no interim responses, and a 100 is between us and the client.
    if (this.#over || status <= 101 || this.#client.req.httpVersion === '1.0') return;
    const relayed = responseFields(status, fields);
    if (relayed !== undefined) this.#client.res.writeInformation(status, [...relayed]);
  }

  started(status: number, reason: string, raw: RawFields): void {
    const { req, res, connection } = this.#client;
    const fields = responseFields(status, raw);
    if (fields === undefined) return this.#abandon(new Error('unknown transfer coding in the response'));
    // A request that is still coming in cannot be followed by another one on this connection.
    const close = this.isIncomplete || this.#deps.isClosing();
    if (close) connection.endAfterThis();
    res.sendDate = false;
    this.#bodiless = status === 205;
    try {
      res.writeHead(status, plainReason(reason), close ? [...fields, 'Connection', 'close'] : [...fields]);
    } catch (cause) {
      return this.#abandon(cause);
    }
    this.#isDelimited = res.chunkedEncoding || fieldValue(fields, 'content-length') !== undefined;
    if (!isEventStream(fields)) this.#watch();
    // Together with the first bytes of the body when those came along, else now: a stream may be silent for long.
    if (req.method !== 'HEAD') queueMicrotask(() => this.#wrote || res.writableEnded || res.flushHeaders());
  }

  data(chunk: Buffer): boolean {
    if (this.#bodiless) return true;
    this.#wrote = true;
    this.#idle?.refresh();
    return this.#client.res.write(chunk);
  }

  ended(): void {
    this.#finish();
    if (this.isIncomplete) this.#discardRest();
    this.#client.res.end();
  }

  upgraded(raw: RawFields, target: Duplex): void {
    const { res, connection, upgradeHead } = this.#client;
    const fields = responseFields(101, raw);
    if (fields === undefined || upgradeHead === undefined || this.#over) {
      target.destroy();
      return this.#abandon(new Error('unasked-for upgrade'));
    }
    this.#tunnelEnd = target;
    res.detachSocket(connection.socket);
    openTunnel(fields, { client: connection.socket, head: upgradeHead, target }, () => this.#finish());
  }

  failed(failure: UpstreamFailure): void {
    const { res } = this.#client;
    const retried = !res.headersSent && this.#mayRetry(failure);
    this.#report(failure.kind, failure.cause, retried);
    this.#leave();
    this.#body?.destroy();
    if (retried) return this.#attempt();
    this.#finish();
    this.#end(failure.kind === 'timeout' ? 504 : 502);
  }

  // Private

  #attempt(): void {
    const { req, res, admitted, upgradeHead, expectsContinue } = this.#client;
    const choice = this.#choose();
    if ('status' in choice) {
      this.#finish();
      return this.#end(choice.status);
    }
    const { route, target } = choice;
    this.#target = target;
    this.#deps.ledger.enter(target.id, this);
    // Asking for the body only when a target is there to take it (RFC 9110 §10.1.1).
    const onFirstRead = (): void => (expectsContinue && !res.headersSent ? res.writeContinue() : undefined);
    this.#body = this.#bodied ? new RequestBody(req, onFirstRead) : undefined;
    this.#call = this.#deps.upstream.send(
      target,
      {
        method: req.method ?? 'GET',
        path: forwardedPath(route, admitted.path),
        fields: this.#fields(),
        body: this.#body,
        upgrade: upgradeHead !== undefined,
        fresh: this.#replayed,
      },
      this,
    );
  }

  #choose(): ReturnType<Table['choose']> {
    const { authority, path } = this.#client.admitted;
    return this.#deps.table.choose(authority?.name, path, this.#tried);
  }

  #fields(): RawFields {
    const { req, admitted, connection } = this.#client;
    return requestFields(req.rawHeaders, {
      host: admitted.host,
      port: admitted.authority?.port,
      peerAddress: connection.peerAddress,
      bodied: this.#bodied,
      allowedNames: this.#deps.allowedNames,
    });
  }

  /** Another target when nothing was sent; the same request again when only a stale connection stood in the way. */
  #mayRetry({ kind }: UpstreamFailure): boolean {
    const { req } = this.#client;
    if (this.#target === undefined || this.#body?.begun === true) return false;
    if (kind === 'connect') {
      this.#tried.add(this.#target.id);
      return 'target' in this.#choose();
    }
    if (kind !== 'stale' || this.#replayed || !repeatable.has(req.method ?? '')) return false;
    this.#replayed = true;
    return true;
  }

  /** The target's answer cannot be passed on. */
  #abandon(cause: unknown): void {
    this.#report('broken', cause, false);
    this.#stop();
    this.#end(502);
  }

  #report(failure: UpstreamFailure['kind'], cause: unknown, retried: boolean): void {
    const targetId = this.#target?.id ?? '';
    if (this.#client.res.headersSent) this.#deps.observe({ kind: 'response-truncated', targetId, cause });
    else this.#deps.observe({ kind: 'target-failed', targetId, failure, retried, cause });
  }

  /** Nothing more will come from the target for this exchange. */
  #finish(): void {
    this.#over = true;
    clearTimeout(this.#idle);
    this.#leave();
  }

  #stop(): void {
    this.#finish();
    this.#call?.abort();
    this.#body?.destroy();
  }

  #leave(): void {
    if (this.#target !== undefined) this.#deps.ledger.leave(this.#target.id, this);
  }

  /** With an answer of our own where that is still possible, else with a break that nobody takes for an end. */
  #end(status: number): void {
    const { req, res, connection } = this.#client;
    if (res.headersSent) return connection.breakOff(res, this.#isDelimited);
    const close = this.isIncomplete || this.#deps.isClosing();
    if (close) this.#discardRest();
    res.sendDate = true;
    answer(req, res, status, close);
  }

  /** Swallows what the client still sends, so that it gets to read the answer. */
  #discardRest(): void {
    this.#client.connection.endAfterThis();
    this.#body?.destroy();
    this.#client.req.resume();
  }

  /** Ends a response body that stays silent, except while it is the client that does not read. */
  #watch(): void {
    const { responseIdleMs } = this.#deps.timeouts;
    if (responseIdleMs === 0) return;
    this.#idle = setTimeout(() => {
      if (this.#client.res.writableNeedDrain) this.#idle?.refresh();
      else this.#abandon(new Error(`no byte of the response for ${responseIdleMs} ms`));
    }, responseIdleMs).unref();
  }
}
