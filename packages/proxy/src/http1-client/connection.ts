import type { Socket } from 'node:net';
import type { Target } from '../route.ts';
import type { ProxyTimeouts } from '../settings.ts';
import type { FailureKind, RawFields, UpstreamCall, UpstreamHandler, UpstreamRequest } from '../upstream.ts';
import { BodySender } from './body-sender.ts';
import { Deadline } from './deadline.ts';
import { idleMsOf } from './idle-time.ts';
import { isWebSocketAnswer, type EncodedHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import { ResponseParser, type ResponseSink } from './response-parser.ts';
import { TargetSocket } from './target-socket.ts';

export type ClientTimeouts = Pick<ProxyTimeouts, 'connectMs' | 'responseHeadersMs' | 'targetIdleMs'>;

/** Who keeps connections between requests. */
export interface ConnectionOwner {
  /** It may carry another request from now on. */
  idle(connection: Connection): void;
  /** It is closed, or no longer the owner's. */
  gone(connection: Connection): void;
}

interface ConnectionOptions {
  readonly target: Target;
  readonly origin: string;
  readonly timeouts: ClientTimeouts;
  /** What is read lands here first; one for all connections, since each read is used up at once. */
  readonly readBuffer: Buffer;
  /** The socket may be given away. */
  readonly upgrade: boolean;
}

/** One request on its way; what remains of it afterwards does nothing. */
interface Call {
  readonly request: UpstreamRequest;
  readonly head: EncodedHead;
  readonly handler: UpstreamHandler;
}

/** One socket to a target, carrying one request at a time. */
export class Connection implements ResponseSink {
  readonly origin: string;
  readonly #owner: ConnectionOwner;
  readonly #timeouts: ClientTimeouts;
  readonly #socket: TargetSocket;
  readonly #readBuffer: Buffer;
  readonly #parser = new ResponseParser(this);
  readonly #deadline = new Deadline(() => this.#onLate());
  #call: Call | undefined;
  #sender: BodySender | undefined;
  #isConnected = false;
  #isSent = false;
  /** A byte of the response has come, and its final head. */
  #isAnswered = false;
  #hasHead = false;
  #isReused = false;
  /** The present response leaves the connection usable. */
  #isPersistent = false;
  #idleMs: number;
  #isPaused = false;

  constructor(owner: ConnectionOwner, options: ConnectionOptions) {
    const { target, origin, timeouts, readBuffer, upgrade } = options;
    this.origin = origin;
    this.#owner = owner;
    this.#timeouts = timeouts;
    this.#idleMs = timeouts.targetIdleMs;
    this.#readBuffer = readBuffer;
    const reading = upgrade
      ? { allowHalfOpen: true }
      : { onread: { buffer: readBuffer, callback: (count: number) => this.#onBytes(readBuffer.subarray(0, count)) } };
    this.#socket = new TargetSocket(reading, (socket) => this.#readRest(socket));
    this.#socket.setNoDelay(true);
    if (upgrade) this.#socket.on('data', (bytes: Buffer) => this.#onBytes(bytes));
    this.#socket.on('connect', this.#onConnect);
    this.#socket.on('end', this.#onEnd);
    this.#socket.on('error', this.#onError);
    this.#socket.on('close', this.#onClose);
    this.#deadline.set(timeouts.connectMs);
    this.#socket.connect({ host: target.host, port: target.port });
  }

  get isBusy(): boolean {
    return this.#call !== undefined;
  }

  /** Whether a request would find the server already leaving, as far as can be known. */
  get isUsable(): boolean {
    return !this.#deadline.isPassed && this.#socket.writable && !this.#socket.readableEnded;
  }

  /** Carries a request whose head is encoded; the connection must not be busy. */
  send(call: Call): UpstreamCall {
    this.#call = call;
    this.#isSent = false;
    this.#isAnswered = false;
    this.#hasHead = false;
    this.#parser.expect(call.request.method, call.request.upgrade);
    if (this.#isConnected) {
      this.#isReused = true;
      this.#begin(call);
    }
    return {
      resume: () => {
        if (this.#call === call && this.#isPaused) this.#resume();
      },
      abort: () => {
        if (this.#call === call) this.#detach().destroy();
      },
    };
  }

  /** Closes it at once; a request on it fails. */
  destroy(): void {
    if (this.#call === undefined) this.#close();
    else this.#fail('broken', new Error('the proxy closes'));
  }

  // The parser's side.

  onInterim(head: ResponseHead): void {
    this.#call?.handler.interim(head.status, head.fields);
  }

  onHead(head: ResponseHead): void {
    this.#hasHead = true;
    this.#deadline.clear();
    this.#isPersistent = head.persistent;
    this.#idleMs = idleMsOf(head.idleLimitMs, this.#timeouts.targetIdleMs);
    this.#call?.handler.started(head.status, head.reason, head.fields);
  }

  onData(view: Buffer): void {
    if (this.#call?.handler.data(view) === false) this.#isPaused = true;
  }

  onComplete(trailers: RawFields, surplus: boolean): void {
    const call = this.#call;
    const isUsable = this.#isPersistent && this.#isSent && !surplus && !this.#call?.request.upgrade;
    if (isUsable && this.#idleMs > 0) this.#release();
    else this.#detach().destroy();
    call?.handler.ended(trailers);
  }

  onSwitched(head: ResponseHead, rest: Buffer): void {
    if (!isWebSocketAnswer(head.fields)) return this.#fail('broken', new Error('an upgrade to another protocol'));
    const call = this.#call;
    const socket = this.#detach();
    socket.off('connect', this.#onConnect).off('end', this.#onEnd).off('close', this.#onClose);
    socket.removeAllListeners('data').pause();
    if (rest.length > 0) socket.unshift(rest);
    this.#deadline.dispose();
    this.#owner.gone(this);
    call?.handler.upgraded(head.fields, socket);
  }

  // The socket's side.

  readonly #onConnect = (): void => {
    this.#isConnected = true;
    this.#deadline.clear();
    if (this.#call !== undefined) this.#begin(this.#call);
  };

  /** False stops reading. */
  #onBytes(bytes: Buffer): boolean {
    this.#isAnswered = true;
    const malformed = this.#parser.feed(bytes);
    if (malformed !== undefined) this.#fail('broken', new Error(malformed.fault));
    if (this.#hasHead) this.#call?.handler.waiting();
    if (this.#isPaused) this.#socket.pause();
    return !this.#isPaused;
  }

  /** A write has failed; what the target said before it closed may still be there. */
  #readRest(socket: TargetSocket): void {
    while (this.#call !== undefined) {
      const count = socket.readNow(this.#readBuffer);
      if (count === 0) return;
      this.#onBytes(this.#readBuffer.subarray(0, count));
    }
  }

  readonly #onEnd = (): void => {
    const malformed = this.#parser.end();
    if (malformed === undefined) this.#close();
    else this.#fail(this.#kindOfLoss(), new Error(malformed.fault));
  };

  readonly #onError = (cause: Error): void => {
    this.#fail(this.#kindOfLoss(), cause);
  };

  readonly #onClose = (): void => {
    this.#fail(this.#kindOfLoss(), new Error('the connection closed'));
    this.#close();
  };

  #onLate(): void {
    if (!this.#isConnected) this.#fail('connect', new Error(`not connected within ${this.#timeouts.connectMs} ms`));
    else if (this.#call === undefined) this.#close();
    else this.#fail('timeout', new Error(`no progress for ${this.#headMs} ms`));
  }

  // Private

  /** How long the present call's response head may take. */
  get #headMs(): number {
    return this.#call?.request.responseHeadersMs ?? this.#timeouts.responseHeadersMs;
  }

  #begin({ request, head }: Call): void {
    if (request.body === undefined) {
      this.#socket.write(head.text, 'latin1');
      return this.#onSent();
    }
    this.#sender = new BodySender(
      { socket: this.#socket, head: head.text, stream: request.body, length: head.length },
      {
        sent: () => this.#onSent(),
        broken: (cause) => this.#fail('broken', cause),
        // Whoever does not read for as long as it may take to answer will not answer.
        stalled: (isStalled) =>
          isStalled && !this.#hasHead ? this.#deadline.set(this.#headMs) : this.#deadline.clear(),
      },
    );
  }

  #onSent(): void {
    this.#isSent = true;
    this.#sender = undefined;
    if (!this.#hasHead) this.#deadline.set(this.#headMs);
  }

  #resume(): void {
    this.#isPaused = false;
    this.#socket.resume();
  }

  #kindOfLoss(): FailureKind {
    if (!this.#isConnected) return 'connect';
    return this.#isReused && !this.#isAnswered ? 'stale' : 'broken';
  }

  /** Ends the present call's hold on the connection without a word to its handler. */
  #detach(): Socket {
    this.#call = undefined;
    this.#sender?.stop();
    this.#sender = undefined;
    this.#parser.stop();
    return this.#socket;
  }

  #release(): void {
    this.#detach();
    if (this.#isPaused) this.#resume();
    this.#deadline.set(this.#idleMs);
    this.#owner.idle(this);
  }

  #fail(kind: FailureKind, cause: unknown): void {
    const call = this.#call;
    this.#detach();
    this.#close();
    call?.handler.failed({ kind, cause });
  }

  #close(): void {
    this.#deadline.dispose();
    this.#socket.destroy();
    this.#owner.gone(this);
  }
}
