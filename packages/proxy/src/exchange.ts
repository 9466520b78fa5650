import type { Duplex } from 'node:stream';
import type { Admitted } from './admission.ts';
import { Attempts, isHealthCheck, type AttemptsDeps } from './attempts.ts';
import type { ClientListener, ClientSide } from './client-side.ts';
import { Encoder } from './compression/encoder.ts';
import { planCompression, type Coding } from './compression/negotiate.ts';
import type { Flight, Ledger } from './ledger.ts';
import type { Policy } from './policy.ts';
import { answer, stoppedText } from './refusal.ts';
import { RequestBody } from './request-body.ts';
import { requestFields } from './request-fields.ts';
import { isEventStream, plainReason, responseFields } from './response-fields.ts';
import { forwardedPath, type Route } from './route.ts';
import { withHsts } from './hsts.ts';
import type { RequestRecord } from './request-record.ts';
import type { ProxyTimeouts } from './settings.ts';
import { tallyOf } from './socket-tally.ts';
import type { Choice } from './table.ts';
import { trailerFields } from './trailer-fields.ts';
import type { RawFields, Upstream, UpstreamCall, UpstreamFailure, UpstreamHandler } from './upstream.ts';

export interface ExchangeDeps extends AttemptsDeps {
  readonly ledger: Ledger;
  readonly upstream: Upstream;
  readonly timeouts: ProxyTimeouts;
  /** The settings in force; what a request began with stays with it. */
  readonly settings: { readonly policy: Policy };
  /** Whether connections should end with their present response. */
  readonly isClosing: () => boolean;
}

export interface ClientRequest {
  readonly client: ClientSide;
  readonly admitted: Admitted;
  readonly policy: Policy;
  readonly record: RequestRecord;
  readonly route: Route;
  /** Asks to switch to WebSocket. */
  readonly wantsUpgrade: boolean;
  /** The client waits for a 100 before it sends its body. */
  readonly expectsContinue: boolean;
}

/** RFC 9110 §9.2.2: repeating one of these changes nothing. TRACE is not forwarded at all. */
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Far more than anybody means; a client that reads slowly must not have them pile up here. */
const mostInterims = 100;

/** What a health check gets while other requests wait. */
const heldBody = 'held\n';
const heldFields: RawFields = [
  'Content-Type',
  'text/plain; charset=utf-8',
  'Content-Length',
  String(heldBody.length),
  'Cache-Control',
  'no-store',
];

/** One request from admission to its last byte, over as many attempts as are safe. */
export class Exchange implements UpstreamHandler, ClientListener, Flight {
  readonly #deps: ExchangeDeps;
  readonly #client: ClientSide;
  readonly #request: ClientRequest;
  readonly #record: RequestRecord;
  readonly #attempts: Attempts;
  #call: UpstreamCall | undefined;
  #body: RequestBody | undefined;
  #idle: NodeJS.Timeout | undefined;
  #bodiless = false;
  #interims = 0;
  /** The response's fields, until it is known whether its body comes at once. */
  #unwatched: RawFields | undefined;
  #encoder: Encoder | undefined;
  #tunnelEnd: Duplex | undefined;
  /** No target works for this exchange any more; at most the client still reads. */
  #over = false;

  constructor(deps: ExchangeDeps, request: ClientRequest) {
    this.#deps = deps;
    this.#client = request.client;
    this.#request = request;
    this.#record = request.record;
    const { client, admitted } = request;
    this.#attempts = new Attempts(deps, {
      name: admitted.authority?.name,
      path: admitted.path,
      fields: client.fields,
      isRepeatable: repeatable.has(client.method),
    });
  }

  get isTunnel(): boolean {
    return this.#tunnelEnd !== undefined;
  }

  get awaitsBody(): boolean {
    return !this.#over && this.#body?.begun === true && !this.#body.isHeldBack && !this.#client.isComplete;
  }

  get isIncomplete(): boolean {
    return this.#client.hasBody && !this.#client.isComplete;
  }

  start(): void {
    this.#attempt();
  }

  // The client's side.

  drained(): void {
    if (this.#encoder === undefined) this.#call?.resume();
    else this.#encoder.resume();
  }

  clientGone(): void {
    if (this.#over || this.isTunnel) return;
    const { target } = this.#attempts;
    if (target !== undefined) this.#deps.observe({ kind: 'client-gone', targetId: target.id });
    this.#stop();
    this.#record.abandoned();
  }

  bodyFailed(status: number): void {
    if (this.#over) return;
    this.#record.reason = reasonOfBody(status);
    this.#stop();
    this.#end(status);
  }

  // The ledger's side.

  cut(): void {
    if (this.#tunnelEnd !== undefined) {
      this.#leave();
      this.#client.closeTunnel();
      this.#tunnelEnd.destroy();
      return;
    }
    this.#record.reason = 'cut by a drain';
    this.#stop();
    this.#end(503);
  }

  // The target's side.

  interim(status: number, fields: RawFields): void {
    if (this.#over) return;
    this.#interims += 1;
    if (this.#interims > mostInterims) return this.#abandon(new Error('no end of interim responses'));
    // A 100 is between us and the client.
    if (status <= 101) return;
    const relayed = responseFields(status, fields);
    if (relayed === undefined) return;
    try {
      this.#client.sendInterim(status, relayed);
    } catch {
      // A field that cannot be written; the response itself will say so if it matters.
    }
  }

  started(status: number, reason: string, raw: RawFields, isWhole = false): void {
    this.#attempts.reached();
    const own = responseFields(status, raw, this.#client);
    if (own === undefined) return this.#abandon(new Error('unknown transfer coding in the response'));
    const { route } = this.#request;
    const { secure } = this.#record.origin;
    const cookie = this.#attempts.cookie(secure);
    const plain = withHsts(cookie.length === 0 ? own : [...own, ...cookie], secure ? route.hsts : undefined);
    const plan = route.compress === true ? planCompression({ client: this.#client, status, fields: plain }) : undefined;
    const fields = plan?.fields ?? plain;
    // A request that is still coming in cannot be followed by another one on this connection.
    const close = this.isIncomplete || this.#deps.isClosing();
    this.#bodiless = status === 205;
    try {
      this.#client.start({ status, reason: plainReason(reason), fields, dated: false, isWhole, close });
    } catch (cause) {
      return this.#abandon(cause);
    }
    this.#record.headed(status);
    if (plan?.coding !== undefined && !isWhole && this.#client.method !== 'HEAD') this.#encode(plan.coding);
    this.#unwatched = fields;
  }

  data(view: Buffer): boolean {
    if (this.#bodiless) return true;
    this.#idle?.refresh();
    return this.#encoder === undefined ? this.#write(view) : this.#encoder.write(Buffer.from(view));
  }

  waiting(): void {
    if (this.#over) return;
    this.#client.flush();
    // Nearly every response has come whole by now, and needs no watch.
    if (this.#unwatched !== undefined && !isEventStream(this.#unwatched)) this.#watch();
    this.#unwatched = undefined;
  }

  ended(trailers?: RawFields): void {
    if (this.#encoder === undefined) this.#complete(trailers);
    else this.#encoder.end(() => this.#complete(trailers));
  }

  upgraded(raw: RawFields, target: Duplex): void {
    const fields = responseFields(101, raw);
    if (fields === undefined || !this.#request.wantsUpgrade || this.#over) {
      target.destroy();
      return this.#abandon(new Error('unasked-for upgrade'));
    }
    this.#attempts.reached();
    this.#tunnelEnd = target;
    const all = [...fields, ...this.#attempts.cookie(this.#record.origin.secure)];
    this.#record.headed(101);
    const tally = tallyOf(target);
    this.#client.openTunnel(all, target, () => {
      this.#finish();
      this.#record.bytesOut = tally().read;
      this.#record.bytesIn = tally().written;
      this.#record.close();
    });
  }

  failed(failure: UpstreamFailure): void {
    const next = this.#client.hasStarted ? 'end' : this.#attempts.failed(failure, this.#body?.begun === true);
    this.#report(failure.kind, failure.cause, next !== 'end');
    this.#leave();
    this.#body?.destroy();
    if (next === 'again') return this.#attempt();
    if (next === 'wait') return this.#wait();
    this.#finish();
    this.#end(failure.kind === 'timeout' ? 504 : 502);
  }

  // Private

  #attempt(): void {
    const { client, admitted, wantsUpgrade, expectsContinue } = this.#request;
    const choice = this.#attempts.next();
    if (choice.kind === 'hold') return this.#wait(choice);
    if (choice.kind === 'none') {
      this.#record.reason = choice.isStopped ? 'stopped by its operator' : 'no target';
      this.#finish();
      return this.#end(choice.status, choice.isStopped ? stoppedText : undefined);
    }
    const { route, target } = choice;
    this.#record.targetId = target.id;
    this.#deps.ledger.enter(target.id, this);
    // Asking for the body only when a target is there to take it (RFC 9110 §10.1.1).
    const onFirstRead = (): void => (expectsContinue ? client.sendContinue() : undefined);
    this.#body = client.hasBody
      ? new RequestBody(client.body, {
          onFirstRead,
          most: route.limits?.maxBodyBytes ?? Infinity,
          onOverflow: () => this.bodyFailed(413),
        })
      : undefined;
    this.#call = this.#deps.upstream.send(
      target,
      {
        method: client.method,
        path: forwardedPath(route, admitted.path),
        fields: this.#fields(),
        body: this.#body,
        upgrade: wantsUpgrade,
        responseHeadersMs: route.timeouts?.responseHeadersMs,
        fresh: this.#attempts.isReplayed,
      },
      this,
    );
  }

  /** Until somebody can take it, or its time is over; nothing of its body is read meanwhile. */
  #wait(choice?: Extract<Choice, { kind: 'hold' }>): void {
    const { client, admitted } = this.#request;
    if (choice !== undefined && isHealthCheck(client.method, admitted.path, choice.hold)) {
      this.#finish();
      client.start({ status: 200, reason: 'OK', fields: heldFields, dated: true, close: this.#deps.isClosing() });
      this.#record.headed(200);
      client.end(heldBody);
      return this.#close();
    }
    const expired = (): void => {
      this.#record.reason = 'held in vain';
      this.#finish();
      this.#end(503);
    };
    this.#attempts.wait({ again: () => this.#attempt(), expired }, choice);
  }

  #fields(): RawFields {
    const { client, admitted, policy, record } = this.#request;
    return requestFields(client.fields, {
      policy,
      origin: record.origin,
      requestId: record.requestId,
      version: client.version,
      host: admitted.host,
      port: admitted.authority?.port,
      bodied: client.hasBody,
    });
  }

  #complete(trailers: RawFields | undefined): void {
    this.#finish();
    if (this.isIncomplete) this.#discardRest();
    this.#client.end(undefined, trailers && trailerFields(trailers));
    this.#close();
  }

  #write(view: Buffer): boolean {
    this.#record.bytesOut += view.length;
    return this.#client.write(view);
  }

  #encode(coding: Coding): void {
    this.#encoder = new Encoder(coding, {
      write: (chunk) => this.#write(chunk),
      drained: () => this.#call?.resume(),
      failed: (cause) => this.#abandon(cause),
    });
  }

  /** The target's answer cannot be passed on. */
  #abandon(cause: unknown): void {
    this.#report('broken', cause, false);
    this.#stop();
    this.#end(502);
  }

  #report(failure: UpstreamFailure['kind'], cause: unknown, retried: boolean): void {
    const targetId = this.#attempts.target?.id ?? '';
    const isTruncated = this.#client.hasStarted;
    this.#record.failed(isTruncated ? 'truncated' : failure);
    if (!retried) this.#record.reason = isTruncated ? 'truncated' : failure;
    if (isTruncated) this.#deps.observe({ kind: 'response-truncated', targetId, cause });
    else this.#deps.observe({ kind: 'target-failed', targetId, failure, retried, cause });
  }

  /** Nothing more will come from the target for this exchange. */
  #finish(): void {
    this.#over = true;
    clearTimeout(this.#idle);
    this.#encoder?.destroy();
    this.#attempts.leave();
    this.#leave();
  }

  #stop(): void {
    this.#finish();
    this.#call?.abort();
    this.#body?.destroy();
  }

  #leave(): void {
    const { target } = this.#attempts;
    if (target !== undefined) this.#deps.ledger.leave(target.id, this);
  }

  /** With an answer of our own where that is still possible, else with a break that nobody takes for an end. */
  #end(status: number, text?: string): void {
    if (this.#client.hasStarted) this.#client.breakOff();
    else {
      const close = this.isIncomplete || this.#deps.isClosing();
      if (close) this.#discardRest();
      this.#record.headed(status);
      answer(this.#client, status, { close, text });
    }
    this.#close();
  }

  #close(): void {
    this.#record.bytesIn = this.#body?.bytes ?? 0;
    this.#record.close();
  }

  /** Swallows what the client still sends, so that it gets to read the answer. */
  #discardRest(): void {
    this.#body?.destroy();
    this.#client.discardRest();
  }

  /** Ends a response body that stays silent, except while it is the client that does not read. */
  #watch(): void {
    const responseIdleMs = this.#request.route.timeouts?.responseIdleMs ?? this.#deps.timeouts.responseIdleMs;
    if (responseIdleMs === 0) return;
    this.#idle = setTimeout(() => {
      if (this.#client.isHeldBack) this.#idle?.refresh();
      else this.#abandon(new Error(`no byte of the response for ${responseIdleMs} ms`));
    }, responseIdleMs).unref();
  }
}

const reasonOfBody = (status: number): string =>
  status === 413 ? 'body larger than the route allows' : status === 408 ? 'the body did not come' : 'malformed body';
