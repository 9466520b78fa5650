import type { Observer } from './events.ts';
import { claimOf, type Route } from './route.ts';

const defaultMaxRequests = 1_000;

export interface Waiting {
  /** When it must be answered at the latest; milliseconds of the clock. */
  readonly deadline: number;
  /** Tries again after so long even if the table does not change. */
  readonly retryMs: number | undefined;
  /** Somebody may take it now. */
  readonly again: () => void;
  /** Its time is over. */
  readonly expired: () => void;
}

/**
 * Requests that wait because nobody can take them at the moment, by what their route claims.
 * Bounded by each route's `hold`; nothing of their bodies is read meanwhile.
 */
export class Holds {
  /** Each with what takes it out of its queue. */
  readonly #queues = new Map<string, Map<Waiting, () => void>>();
  readonly #now: () => number;
  readonly #observe: Observer;
  #isOver = false;

  constructor(now: () => number, observe: Observer) {
    this.#now = now;
    this.#observe = observe;
  }

  /** Milliseconds of the clock that deadlines are told by. */
  now(): number {
    return this.#now();
  }

  /** Returns what ends the waiting without an outcome; `undefined` when the queue is full. */
  enter(route: Route, waiting: Waiting): (() => void) | undefined {
    const claim = claimOf(route);
    const queue = this.#queues.get(claim) ?? new Map<Waiting, () => void>();
    if (this.#isOver || queue.size >= (route.hold?.maxRequests ?? defaultMaxRequests)) {
      this.#observe({ kind: 'hold-refused', route: claim });
      return undefined;
    }
    const leftMs = waiting.deadline - this.#now();
    const timer = setTimeout(
      () => {
        leave();
        if (this.#now() < waiting.deadline) return waiting.again();
        this.#observe({ kind: 'hold-expired', route: claim });
        waiting.expired();
      },
      Math.max(0, Math.min(leftMs, waiting.retryMs ?? leftMs)),
    );
    const leave = (): void => {
      clearTimeout(timer);
      queue.delete(waiting);
      if (queue.size === 0 && this.#queues.get(claim) === queue) this.#queues.delete(claim);
    };
    this.#queues.set(claim, queue.set(waiting, leave));
    return leave;
  }

  /** Lets go, in the order in which they came, those whose claim is not held any more. */
  release(isHeld: (claim: string) => boolean): void {
    const free = [...this.#queues].filter(([claim]) => !isHeld(claim));
    for (const [, queue] of free) this.#empty(queue, (waiting) => waiting.again());
  }

  /** Nobody will come any more: all are answered now, and nobody waits from here on. */
  end(): void {
    this.#isOver = true;
    for (const queue of this.#queues.values()) this.#empty(queue, (waiting) => waiting.expired());
  }

  /** Who comes while it is emptied, or comes back, is not meant. */
  #empty(queue: ReadonlyMap<Waiting, () => void>, then: (waiting: Waiting) => void): void {
    const present = Array.from(queue);
    for (const [waiting, leave] of present) {
      leave();
      then(waiting);
    }
  }
}
