/** What the engine says of a pull, as far as it tells of progress. */
export interface PullLine {
  readonly id?: string;
  readonly status?: string;
  readonly progressDetail?: {
    readonly current?: number;
    /** Of `current`; bytes unless it says otherwise. */
    readonly units?: string;
  };
}

/** Less than this in a whole deadline is no progress: a slow line brings more, a registry that only keeps the connection open does not. */
const leastBytes = 1024 * 1024;

/** For a layer to be extracted; whatever takes longer is stuck. */
const longestExtractionS = 3600;

/** Said once of a layer, when it is where it should be. */
const milestones = new Set(['Already exists', 'Download complete', 'Pull complete']);

/**
 * Whether a pull gets ahead. Lines alone do not tell: a registry that sends a byte a minute
 * makes as many as one that is busy. A layer that is done counts, or a MiB of whatever kind;
 * how long the whole takes does not, since an image may be large and a line slow. Of extracting
 * some engines tell no bytes but seconds: then each of them counts, since no registry has a hand in it.
 */
export class PullProgress {
  readonly #deadlineMs: number;
  readonly #now: () => number;
  /** Bytes of each layer, downloaded and extracted, by the engine's word for what it does. */
  readonly #bytes = new Map<string, number>();
  #total = 0;
  #totalThen = 0;
  readonly #done = new Set<string>();
  #since: number;

  constructor(o: { readonly deadlineMs: number; readonly now: () => number }) {
    this.#deadlineMs = o.deadlineMs;
    this.#now = o.now;
    this.#since = o.now();
  }

  hear({ id = '', status = '', progressDetail }: PullLine): void {
    const part = `${id} ${status}`;
    const current = progressDetail?.current ?? 0;
    const known = this.#bytes.get(part) ?? 0;
    // A layer that begins anew after a fault has to come further than before.
    const isFurther = current > known;
    if (isFurther) {
      this.#bytes.set(part, current);
      this.#total += current - known;
    }
    const isMilestone = milestones.has(status) && !this.#done.has(part);
    if (isMilestone) this.#done.add(part);
    const isExtracting = isFurther && status === 'Extracting' && progressDetail?.units === 's';
    if (isMilestone || (isExtracting && current <= longestExtractionS) || this.#total - this.#totalThen >= leastBytes) {
      this.#totalThen = this.#total;
      this.#since = this.#now();
    }
  }

  /** Milliseconds until it counts as stuck unless something more is heard; none when it does. */
  leftMs(): number {
    return Math.max(0, this.#since + this.#deadlineMs - this.#now());
  }
}
