export interface AttemptLimitOptions {
  readonly failures: number;
  readonly windowMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** Past this many addresses the oldest is forgotten: memory stays bounded whoever calls. */
const maxAddresses = 10_000;

/** Counts failed log-ins by address in fixed windows that begin with the first failure. */
export class AttemptLimit {
  readonly #o: AttemptLimitOptions;
  readonly #windows = new Map<string, { readonly endsAt: number; failures: number }>();

  constructor(options: AttemptLimitOptions) {
    this.#o = options;
  }

  /** Notes one more failure; the answer is how long to wait, 0 while the address is within its limit. */
  fail(address: string): number {
    const now = this.#o.now();
    const open = this.#windows.get(address);
    const window = open !== undefined && open.endsAt > now ? open : { endsAt: now + this.#o.windowMs, failures: 0 };
    window.failures += 1;
    if (window !== open) this.#remember(address, window);
    return window.failures > this.#o.failures ? window.endsAt - now : 0;
  }

  #remember(address: string, window: { readonly endsAt: number; failures: number }): void {
    // Deleting first moves the address to the end: the map stays in order of age.
    this.#windows.delete(address);
    this.#windows.set(address, window);
    if (this.#windows.size <= maxAddresses) return;
    const [oldest] = this.#windows.keys();
    if (oldest !== undefined) this.#windows.delete(oldest);
  }
}
