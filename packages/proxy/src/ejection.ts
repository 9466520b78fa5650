export interface EjectionOptions {
  /** So many failures to connect in a row take a target out. */
  readonly failures: number;
  /** How long the first time; twice as long each time after that. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Five seconds are longer than a container needs to start listening, and shorter than anybody waits to be missed. */
export const defaultEjection: EjectionOptions = { failures: 3, firstMs: 5_000, longestMs: 60_000 };

interface Record {
  failures: number;
  /** How often it was taken out in a row. */
  times: number;
  /** Monotonic milliseconds. */
  until: number;
  /** One request is finding out whether it can be reached again. */
  isOnTrial: boolean;
}

/**
 * Targets that could not be reached again and again are left out for a while, whatever their
 * probes say. When the time is over one request tries: its success lets the others follow, its
 * failure takes the target out for longer.
 */
export class Ejections {
  readonly #records = new Map<string, Record>();
  readonly #options: EjectionOptions;
  readonly #now: () => number;

  constructor(options: EjectionOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  isOut(targetId: string): boolean {
    if (this.#records.size === 0) return false;
    const record = this.#records.get(targetId);
    return record !== undefined && this.#now() < record.until;
  }

  /** A request goes to it: when its time is over that one is its trial, and others wait for the outcome. */
  chosen(targetId: string): void {
    if (this.#records.size === 0) return;
    const record = this.#records.get(targetId);
    if (record === undefined || record.times === 0 || this.#now() < record.until) return;
    record.isOnTrial = true;
    // A trial without an outcome, because its client left, must not keep the target out for ever.
    record.until = this.#now() + this.#options.firstMs;
  }

  reached(targetId: string): void {
    if (this.#records.size > 0) this.#records.delete(targetId);
  }

  /** Returns for how long this failure takes it out, if it does. */
  failed(targetId: string): number | undefined {
    const { failures, firstMs, longestMs } = this.#options;
    const now = this.#now();
    const record = this.#records.get(targetId) ?? { failures: 0, times: 0, until: now, isOnTrial: false };
    // What was under way when it was taken out says nothing new.
    if (now < record.until && !record.isOnTrial) return undefined;
    record.failures += 1;
    this.#records.set(targetId, record);
    if (record.failures < failures) return undefined;
    const outMs = Math.min(longestMs, firstMs * 2 ** record.times);
    Object.assign(record, { until: now + outMs, times: record.times + 1, isOnTrial: false });
    return outMs;
  }

  /** Forgets all others. */
  retain(isKept: (targetId: string) => boolean): void {
    for (const id of this.#records.keys()) if (!isKept(id)) this.#records.delete(id);
  }
}
