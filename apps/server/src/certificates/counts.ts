import type { AcmeEvent } from '@orca/acme';

/** What happened since this process started, for metrics. */
export class Counts {
  readonly #failures = new Map<string, number>();
  #issued = 0;

  hear(event: AcmeEvent): void {
    if (event.type === 'issued') this.#issued += 1;
    if (event.type !== 'failed') return;
    const { type } = event.failure;
    this.#failures.set(type, (this.#failures.get(type) ?? 0) + 1);
  }

  get issued(): number {
    return this.#issued;
  }

  /** By the authority's error type, or this side's. */
  get failures(): ReadonlyMap<string, number> {
    return this.#failures;
  }
}
