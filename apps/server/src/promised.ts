import type { DesiredService, Revision } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';

type Desired = DesiredService<ServiceSpec>;

/** A service as a deploy asked for it. Templates hold names of secrets, never their values. */
export type AcceptedRecord = Pick<Desired, 'spec' | 'revision' | 'order' | 'isRouted' | 'stopGraceMs' | 'change'> & {
  /** Keyed digests of its secrets as they were; absent in records of earlier versions. */
  readonly secretDigests?: Readonly<Record<string, string>> | undefined;
  /** The image that its name stood for, where that may be another one later; see `isMutable`. */
  readonly imageId?: string | undefined;
  /** The deploy that asked for it, as the log names it; absent in what was taken over. */
  readonly operation?: string | undefined;
};

export interface Failed {
  readonly revision: Revision;
  readonly reason: string;
}

/** What is promised of one service. */
export interface Promised {
  readonly record: AcceptedRecord | undefined;
  readonly isPaused: boolean;
  /** It is taken away, and forgotten when it is gone. */
  readonly isRemoved: boolean;
  /** How often it was asked to be made anew. */
  readonly generation: number;
  /** The form to go back to, if there is one. */
  readonly good: AcceptedRecord | undefined;
  /** What failed and is not to be tried again on its own. */
  readonly failed: Failed | undefined;
}

/** Of a service that nobody ever asked for. */
export const unpromised: Promised = {
  record: undefined,
  isPaused: false,
  isRemoved: false,
  generation: 0,
  good: undefined,
  failed: undefined,
};

/** Promises as somebody wants them, before they count: what one deploy asks for, put together. */
export class PromiseDraft {
  readonly #now: (service: string) => Promised;
  /** Services that are another way now, and how. */
  readonly promises: Map<string, Promised> = new Map();
  /** Those of which something else is wanted now, rather than known. */
  readonly wanted: Set<string> = new Set();

  constructor(now: (service: string) => Promised) {
    this.#now = now;
  }

  get(service: string): Promised {
    return this.promises.get(service) ?? this.#now(service);
  }

  /** A higher generation makes a new instance of what has not changed. */
  bump(services: Iterable<string>): void {
    for (const name of services) this.#set(name, { generation: this.get(name).generation + 1 });
  }

  accept(services: readonly (Desired & Pick<AcceptedRecord, 'secretDigests' | 'imageId'>)[], operation?: string): void {
    for (const { spec, revision, order, isRouted, stopGraceMs, secretDigests, imageId, change } of services) {
      const known = this.get(spec.name).record;
      // Asked for again as it is, nothing new is made: what runs comes from the first who asked, for that one's reason.
      const origin = known?.revision === revision ? known : { operation, change };
      const asked = { spec, revision, order, isRouted, stopGraceMs, secretDigests, imageId };
      const record = { ...asked, operation: origin.operation, change: origin.change };
      this.#want(spec.name, { record, isRemoved: false });
    }
  }

  /** The same as before with its secrets as they are now: nobody's wish, so that whoever asked for it may still call it off. */
  renew(record: AcceptedRecord): void {
    this.#set(record.spec.name, { record });
  }

  /** Nobody wants them any more; they are taken away, then forgotten. */
  remove(services: Iterable<string>): void {
    for (const name of services)
      this.#want(name, { ...unpromised, generation: this.get(name).generation, isRemoved: true });
  }

  /** Taken away: nothing is left to do. */
  forget(service: string): void {
    if (this.get(service).isRemoved) this.#set(service, { isRemoved: false });
  }

  setPaused(service: string, isPaused: boolean): void {
    if (this.get(service).isPaused !== isPaused) this.#want(service, { isPaused });
  }

  /** What runs now was proven: the form to go back to. */
  markGood(service: string): void {
    const { record, good } = this.get(service);
    if (record !== undefined && good?.revision !== record.revision) this.#set(service, { good: record });
  }

  /** What failed before is tried once more. */
  tryAgain(services: Iterable<string>): void {
    for (const name of services) if (this.get(name).failed !== undefined) this.#set(name, { failed: undefined });
  }

  /** Back to what was promised before. */
  restore(service: string, before: Promised): void {
    // What was proven since is the better form, and what failed since is worth knowing beside what went well before.
    const { good = before.good, failed } = this.get(service);
    this.#want(service, { ...before, good, failed: before.failed ?? failed });
  }

  #want(service: string, change: Partial<Promised>): void {
    this.wanted.add(service);
    this.#set(service, change);
  }

  #set(service: string, change: Partial<Promised>): void {
    this.promises.set(service, { ...this.get(service), ...change });
  }
}
