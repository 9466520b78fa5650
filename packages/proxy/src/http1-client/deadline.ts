/**
 * A limit that is moved for every request and almost never reached. Moving it further away
 * only notes the time: the timer wakes at the old one, sees that, and goes on waiting.
 */
export class Deadline {
  readonly #onPassed: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer wakes, and when the limit is; both by the monotonic clock. */
  #wakesAt = Infinity;
  #dueAt = Infinity;

  constructor(onPassed: () => void) {
    this.#onPassed = onPassed;
  }

  /** Replaces the limit; 0 is none. */
  set(ms: number): void {
    if (ms === 0) return this.clear();
    this.#dueAt = performance.now() + ms;
    if (this.#dueAt < this.#wakesAt) this.#wakeIn(ms);
  }

  clear(): void {
    this.#dueAt = Infinity;
  }

  /** Clears it and frees the timer. */
  dispose(): void {
    this.clear();
    clearTimeout(this.#timer);
    this.#wakesAt = Infinity;
  }

  /** True once the limit is behind us, even if the timer has not been heard yet. */
  get isPassed(): boolean {
    return performance.now() >= this.#dueAt;
  }

  #wakeIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#wakesAt = performance.now() + ms;
    this.#timer = setTimeout(() => this.#wake(), ms).unref();
  }

  #wake(): void {
    this.#wakesAt = Infinity;
    if (this.#dueAt === Infinity) return;
    const left = this.#dueAt - performance.now();
    // Timers count whole milliseconds and may be a fraction early.
    if (left > 0.5) return this.#wakeIn(left);
    this.clear();
    this.#onPassed();
  }
}
