import type { AccessEntry } from './access-log/entry.ts';
import type { ClientSide } from './client-side.ts';
import type { Origin } from './forwarding.ts';
import type { UpstreamErrorKind } from './metrics/counters.ts';
import type { RouteMemory } from './route-book.ts';

/** Who keeps what a request came to. */
export interface RecordKeeper {
  /** Monotonic milliseconds. */
  now(): number;
  closed(record: RequestRecord): void;
}

/** What is known of one request: filled in on its way, handed over once, when nothing more can happen to it. */
export class RequestRecord {
  readonly client: ClientSide;
  readonly origin: Origin;
  readonly requestId: string;
  readonly startedMs: number;
  targetId: string | undefined;
  /** Why the proxy answered by itself, or what broke off. */
  reason: string | undefined;
  bytesIn = 0;
  bytesOut = 0;
  status = 0;
  headMs = 0;
  ms = 0;
  #memory: RouteMemory;
  #keeper: RecordKeeper;
  #isHeaded = false;
  #isClosed = false;

  constructor(
    keeper: RecordKeeper,
    known: {
      readonly client: ClientSide;
      readonly origin: Origin;
      readonly requestId: string;
      readonly memory: RouteMemory;
    },
  ) {
    this.#keeper = keeper;
    this.client = known.client;
    this.origin = known.origin;
    this.requestId = known.requestId;
    this.startedMs = keeper.now();
    this.#memory = known.memory;
    this.#memory.counters.inFlight += 1;
  }

  get memory(): RouteMemory {
    return this.#memory;
  }

  /** It belongs to this route. */
  routed(memory: RouteMemory): void {
    this.#memory.counters.inFlight -= 1;
    this.#memory = memory;
    this.#memory.counters.inFlight += 1;
  }

  /** An attempt failed at its target. */
  failed(kind: UpstreamErrorKind): void {
    this.#memory.counters.failed(kind);
  }

  /** The response's head is on its way. */
  headed(status: number): void {
    this.status = status;
    this.headMs = this.#keeper.now() - this.startedMs;
    this.#isHeaded = true;
  }

  /** The client left before its response was complete. */
  abandoned(): void {
    this.#close(499);
  }

  /** Nothing more will happen; a second time changes nothing. */
  close(): void {
    this.#close(this.status);
  }

  entry(timeMs: number): AccessEntry {
    const { client, origin, memory } = this;
    return {
      timeMs: timeMs - this.ms,
      client: origin.client,
      peer: origin.peer,
      secure: client.peer.isSecure,
      method: client.method,
      host: client.host,
      path: client.target,
      version: client.version,
      status: this.status,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      headMs: this.headMs,
      ms: this.ms,
      service: memory.service,
      route: memory.claim,
      target: this.targetId,
      requestId: this.requestId,
      reason: this.reason,
      fields: client.fields,
    };
  }

  #close(status: number): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.status = status;
    this.ms = this.#keeper.now() - this.startedMs;
    if (!this.#isHeaded) this.headMs = this.ms;
    const { counters } = this.#memory;
    counters.inFlight -= 1;
    counters.requestBytes += this.bytesIn;
    counters.responseBytes += this.bytesOut;
    counters.closed(status, this.headMs);
    this.#keeper.closed(this);
  }
}
