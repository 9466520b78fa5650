import type { Observer } from './events.ts';
import { claimOf, type Route } from './route.ts';

const defaultMaxRequests = 1_000;

export interface Waiting {
  /** When it must be answered at the latest; milliseconds of the clock. */
  readonly deadline: number;
  /** Somebody may take it now. */
  readonly again: () => void;
  /** Its time is over. */
  readonly expired: () => void;
}

/**
 * - `closed`: the table has nobody for them.
 * - `probing`: it has, but a connection failed; one at a time finds out whether that is over.
 * - `open`: they go, not all at once: what has just begun to listen has a short queue of its own.
 */
type Mode = 'closed' | 'probing' | 'open';

/** How many go at each beat; in `open` every answer sends one more after it. */
const beats: Readonly<Record<Exclude<Mode, 'closed'>, { readonly everyMs: number; readonly count: number }>> = {
  probing: { everyMs: 200, count: 1 },
  open: { everyMs: 50, count: 4 },
};

/**
 * Requests that wait because nobody can take them at the moment, by what their route claims.
 * Bounded by each route's `hold`; nothing of their bodies is read meanwhile.
 */
export class Holds {
  readonly #queues = new Map<string, Queue>();
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

  /**
   * Returns what ends the waiting without an outcome; `undefined` when the queue is full.
   * `couldNotReach`: the table has a target for it, which did not answer.
   */
  enter(route: Route, waiting: Waiting, couldNotReach: boolean): (() => void) | undefined {
    const claim = claimOf(route);
    const queue = this.#queues.get(claim) ?? new Queue();
    if (this.#isOver || queue.size >= (route.hold?.maxRequests ?? defaultMaxRequests)) {
      this.#observe({ kind: 'hold-refused', route: claim });
      return undefined;
    }
    this.#queues.set(claim, queue);
    const timer = setTimeout(
      () => {
        leave();
        // Its turn was about to come.
        if (queue.mode === 'open') return waiting.again();
        this.#observe({ kind: 'hold-expired', route: claim });
        waiting.expired();
      },
      Math.max(0, waiting.deadline - this.#now()),
    );
    const leave = (): void => {
      clearTimeout(timer);
      queue.remove(waiting);
      if (queue.size === 0 && this.#queues.get(claim) === queue) this.#queues.delete(claim);
    };
    queue.add(waiting, leave);
    queue.turn(couldNotReach ? 'probing' : 'closed');
    return leave;
  }

  /** The table has changed. */
  release(isHeld: (claim: string) => boolean): void {
    const queues = Array.from(this.#queues);
    for (const [claim, queue] of queues) queue.turn(isHeld(claim) ? 'closed' : 'open');
  }

  /** A target of this route has answered. */
  reached(route: Route): void {
    if (this.#queues.size > 0) this.#queues.get(claimOf(route))?.follow();
  }

  /** Nobody will come any more: all are answered now, and nobody waits from here on. */
  end(): void {
    this.#isOver = true;
    for (const queue of this.#queues.values()) queue.drop();
  }
}

/** Those who wait for one claim, in the order in which they came, each with what takes it out. */
class Queue {
  readonly #waiting = new Map<Waiting, () => void>();
  #mode: Mode = 'closed';
  #beat: NodeJS.Timeout | undefined;

  get size(): number {
    return this.#waiting.size;
  }

  get mode(): Mode {
    return this.#mode;
  }

  add(waiting: Waiting, leave: () => void): void {
    this.#waiting.set(waiting, leave);
  }

  remove(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    if (this.size === 0) clearInterval(this.#beat);
  }

  turn(mode: Mode): void {
    if (mode === this.#mode) return;
    this.#mode = mode;
    clearInterval(this.#beat);
    if (mode === 'closed') return;
    const { everyMs, count } = beats[mode];
    this.#beat = setInterval(() => this.#go(count), everyMs);
    if (mode === 'open') this.#go(count);
  }

  follow(): void {
    if (this.#mode === 'probing') this.turn('open');
    if (this.#mode === 'open') this.#go(1);
  }

  drop(): void {
    for (const [waiting, leave] of Array.from(this.#waiting)) {
      leave();
      waiting.expired();
    }
  }

  #go(count: number): void {
    const first: [Waiting, () => void][] = [];
    for (const entry of this.#waiting) if (first.push(entry) === count) break;
    for (const [waiting, leave] of first) {
      leave();
      waiting.again();
    }
  }
}
