import type { AccessEntry } from './access-log/entry.ts';
import type { ClientSide, Peer } from './client-side.ts';
import type { Origin } from './forwarding.ts';
import type { MetricsSnapshot } from './metrics/snapshot.ts';
import { RequestRecord, type RecordKeeper } from './request-record.ts';
import type { RouteBook } from './route-book.ts';

export interface JournalParts {
  readonly book: RouteBook;
  /** Writes a line; `undefined` when nobody wants one. */
  readonly log: AccessLog | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
}

export interface AccessLog {
  write(entry: AccessEntry): void;
  readonly dropped: number;
}

/** What is remembered of requests and connections, for log and metrics. */
export class Journal implements RecordKeeper {
  readonly #parts: JournalParts;
  #accepted = 0;
  #open = 0;

  constructor(parts: JournalParts) {
    this.#parts = parts;
  }

  now(): number {
    return this.#parts.now();
  }

  open(client: ClientSide, origin: Origin, requestId: string): RequestRecord {
    return new RequestRecord(this, { client, origin, requestId, memory: this.#parts.book.unrouted });
  }

  closed(record: RequestRecord): void {
    const { log, wallClock } = this.#parts;
    if (log !== undefined) log.write(record.entry(wallClock()));
  }

  /** What the parser refused never became a request, and is a line all the same. */
  refused(peer: Peer, status: number, reason: string): void {
    const { log, book, wallClock } = this.#parts;
    book.unrouted.counters.closed(status, 0);
    log?.write({
      ...nothingKnown,
      timeMs: wallClock(),
      client: peer.address,
      peer: peer.address,
      secure: peer.isSecure,
      status,
      reason,
    });
  }

  connected(): void {
    this.#accepted += 1;
    this.#open += 1;
  }

  disconnected(): void {
    this.#open -= 1;
  }

  metrics(): MetricsSnapshot {
    const { book, log } = this.#parts;
    return {
      connections: { accepted: this.#accepted, open: this.#open },
      logDropped: log?.dropped ?? 0,
      routes: book.metrics(),
    };
  }
}

const nothingKnown = {
  method: undefined,
  host: undefined,
  path: undefined,
  version: undefined,
  bytesIn: 0,
  bytesOut: 0,
  headMs: 0,
  ms: 0,
  service: undefined,
  route: undefined,
  target: undefined,
  requestId: undefined,
  fields: [],
} satisfies Partial<AccessEntry>;
