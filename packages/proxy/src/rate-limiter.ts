import type { RateLimit } from './route-settings.ts';

/** How many clients are remembered at once, for all that they ask of one route; about 8 MB at the most. */
const mostClients = 50_000;

/**
 * Counts what each client asks of one route, by the generic cell rate algorithm: a client is one
 * number, the time at which all that it has asked would be due evenly spread. A client whose time
 * has passed is a new client, so forgetting it is free: two generations take turns, and what was
 * not seen for a whole turn goes.
 */
export class RateLimiter {
  readonly #spacingMs: number;
  readonly #toleranceMs: number;
  readonly #turnMs: number;
  readonly #most: number;
  #recent = new Map<string, number>();
  #older = new Map<string, number>();
  #turnEndsMs = 0;

  constructor({ requests, perMs, burst = requests }: RateLimit, most: number = mostClients) {
    this.#spacingMs = perMs / requests;
    this.#toleranceMs = this.#spacingMs * (burst - 1);
    this.#turnMs = this.#spacingMs * burst;
    this.#most = most / 2;
  }

  /** How many clients are remembered. */
  get size(): number {
    return this.#recent.size + this.#older.size;
  }

  /** Counts one request and returns 0; or, when it is one too many, counts nothing and returns the milliseconds to wait. */
  take(client: string, nowMs: number): number {
    this.#turn(nowMs);
    const due = this.#recent.get(client) ?? this.#older.get(client) ?? 0;
    const from = due > nowMs ? due : nowMs;
    const waitMs = from - nowMs - this.#toleranceMs;
    // Sums of fractions: a millionth of a millisecond early is on time.
    if (waitMs > 1e-6) return waitMs;
    this.#recent.set(client, from + this.#spacingMs);
    return 0;
  }

  /** Also when a generation is full: then the clients seen longest ago are forgiven early. */
  #turn(nowMs: number): void {
    if (nowMs < this.#turnEndsMs && this.#recent.size < this.#most) return;
    this.#older = this.#recent;
    this.#recent = new Map();
    this.#turnEndsMs = nowMs + this.#turnMs;
  }
}
