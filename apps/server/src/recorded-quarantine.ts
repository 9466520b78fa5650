import type { Failed, Promised } from './promised.ts';

/** Failed revisions outlive the process: a restart must not try each of them once more. */
export class RecordedQuarantine extends Map<string, Failed> {
  readonly #keep: (service: string) => void;

  constructor(known: ReadonlyMap<string, Promised>, keep: (service: string) => void) {
    super();
    this.#keep = keep;
    for (const [service, { failed }] of known) this.learn(service, failed);
  }

  override set(service: string, failed: Failed): this {
    super.set(service, failed);
    this.#keep(service);
    return this;
  }

  override delete(service: string): boolean {
    const wasThere = super.delete(service);
    this.#keep(service);
    return wasThere;
  }

  /** Of what is written down elsewhere. */
  learn(service: string, failed: Failed | undefined): void {
    if (failed === undefined) super.delete(service);
    else super.set(service, failed);
  }
}
