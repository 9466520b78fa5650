import { backoffMs, type Backoff } from './backoff.ts';
import { converge, type Converged, type Gathered } from './converge.ts';
import { messageOf, type Quarantine } from './failures.ts';
import { createLimit, type Limit } from './limit.ts';
import type { Plan, Plannable } from './model.ts';
import { plan } from './plan.ts';
import type { Clock, Ports, ReconcileEvent } from './ports.ts';
import { sharedTask } from './shared-task.ts';

export interface ReconcilerOptions<S extends Plannable> {
  readonly ports: Ports<S>;
  readonly clock: Clock;
  /** Reads the desired and the observed state. One read serves all services that ask at once. */
  readonly gather: (signal: AbortSignal) => Promise<Gathered<S>>;
  readonly quarantine: Quarantine;
  /** Numbers in [0, 1), for the jitter of waits. */
  readonly random: () => number;
  readonly onEvent?: (event: ReconcilerEvent<S>) => void;
  /** How often the whole world is looked at, whatever was or was not heard of it. Default 30 s. */
  readonly resyncMs?: number;
  /** Working steps at once over all services; fetching, and waiting for readiness or an end, is not work. Default 4. */
  readonly concurrency?: number;
  /** Waits between tries after a failure that may go away. Default 0.5 s to 5 min. */
  readonly backoff?: Backoff;
}

export type ReconcilerEvent<S extends Plannable> =
  | ReconcileEvent<S>
  | { readonly type: 'plan'; readonly service: string; readonly plan: Plan<S> }
  | { readonly type: 'settled'; readonly service: string; readonly settlement: Settlement<S> }
  /** The world cannot be observed: nothing is changed until it can. */
  | { readonly type: 'lost'; readonly reason: string }
  | { readonly type: 'back' }
  | { readonly type: 'resynced'; readonly ms: number; readonly triggered: readonly string[] };

/** How the last run of a service ended. */
export interface Settlement<S extends Plannable> extends Converged<S> {
  /** Tries in a row that failed and may be repeated. */
  readonly failures: number;
  /** Milliseconds until the next try on its own; `undefined` when none is due. */
  readonly retryMs: number | undefined;
}

/**
 * Keeps the observed state as desired. Level-triggered: a trigger only says "look at this
 * service"; what is to be done follows from what is desired and what is seen, so that a
 * lost, doubled or late trigger changes nothing but the time.
 *
 * At most one run a service at any time; triggers during a run are merged into one more.
 */
export interface Reconciler<S extends Plannable> {
  /** Something may have changed. Does not shorten a wait after a failure. */
  trigger(services: Iterable<string>): void;
  /** New input: forgets failures, and looks at once. */
  request(services: Iterable<string>): void;
  /** Cancels what is under way at the next safe point, because it is not wanted any more, and looks again. */
  supersede(services: Iterable<string>): void;
  /** Looks at the whole world now. */
  resync(): Promise<void>;
  /**
   * Resolves when none of the services is under way or waits for one that is. A service
   * that fails again and again counts as settled after a few tries, though they go on.
   */
  settled(services: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlyMap<string, Settlement<S>>>;
  /** Whether it is neither under way nor waits for one that is. */
  isSettled(service: string): boolean;
  /** Whether a run of it has begun and not come to its end. */
  isUnderWay(service: string): boolean;
  /** When the loop last finished a look at the world, by the clock; for a watchdog. */
  lastResyncAt(): number;
  /** Begins the periodic look. */
  start(): void;
  /** Cancels what is under way at safe points, and resolves when nothing is any more. */
  stop(): Promise<void>;
}

export const createReconciler = <S extends Plannable>(o: ReconcilerOptions<S>): Reconciler<S> => new Loop(o);

const defaults = { resyncMs: 30_000, concurrency: 4, backoff: { firstMs: 500, maxMs: 300_000 } } as const;
/** Looks at a world that does not answer come sooner than the usual ones. */
const lostBackoff: Backoff = { firstMs: 1_000, maxMs: 30_000 };
/** Failures in a row after which whoever waits is told, though tries go on. */
const patience = 4;

interface Entry<S extends Plannable> {
  /** A run is wanted, at once or after this one. */
  isWanted: boolean;
  run: AbortController | undefined;
  /** Ends the wait for the next try. */
  retry: AbortController | undefined;
  failures: number;
  last: Settlement<S> | undefined;
  /** What was under way elsewhere when its last plan was made. */
  unsettledThen: ReadonlySet<string>;
}

class Loop<S extends Plannable> implements Reconciler<S> {
  readonly #o: ReconcilerOptions<S>;
  readonly #limit: Limit;
  readonly #gather: () => Promise<Gathered<S>>;
  readonly #entries = new Map<string, Entry<S>>();
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  readonly #waiters = new Set<() => void>();
  #resyncing: Promise<void> | undefined;
  #lostSince = 0;
  #lastResyncAt: number;

  constructor(o: ReconcilerOptions<S>) {
    this.#o = o;
    this.#limit = createLimit(o.concurrency ?? defaults.concurrency);
    this.#gather = sharedTask(() => o.gather(this.#stopping.signal));
    this.#lastResyncAt = o.clock.now();
  }

  trigger(services: Iterable<string>): void {
    for (const service of services) {
      const entry = this.#entry(service);
      if (entry.retry !== undefined) continue;
      entry.isWanted = true;
      this.#begin(service, entry);
    }
  }

  request(services: Iterable<string>): void {
    for (const service of services) {
      const entry = this.#entry(service);
      entry.failures = 0;
      entry.retry?.abort();
      entry.retry = undefined;
      entry.isWanted = true;
      this.#begin(service, entry);
    }
  }

  supersede(services: Iterable<string>): void {
    for (const service of services) {
      const entry = this.#entry(service);
      if (entry.run === undefined) continue;
      entry.isWanted = true;
      entry.run.abort(new Error('superseded by newer input'));
    }
  }

  resync(): Promise<void> {
    this.#resyncing ??= this.#look().finally(() => {
      this.#resyncing = undefined;
    });
    return this.#resyncing;
  }

  async settled(services: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlyMap<string, Settlement<S>>> {
    while (![...services].every((name) => this.isSettled(name))) {
      signal.throwIfAborted();
      await this.#change(signal);
    }
    const found = [...services].map((name) => [name, this.#entries.get(name)?.last] as const);
    return new Map(found.flatMap(([name, last]) => (last === undefined ? [] : [[name, last] as const])));
  }

  isSettled(service: string): boolean {
    const isBusy = (name: string): boolean => {
      const entry = this.#entries.get(name);
      return entry !== undefined && this.#isUnsettled(entry);
    };
    const waitsFor = this.#entries.get(service)?.last?.last.blocked.flatMap((b) => b.waitsFor) ?? [];
    return !isBusy(service) && !waitsFor.some(isBusy);
  }

  isUnderWay(service: string): boolean {
    return this.#entries.get(service)?.run !== undefined;
  }

  lastResyncAt(): number {
    return this.#lastResyncAt;
  }

  start(): void {
    this.#track(this.#periodically());
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the loop is stopped'));
    for (const entry of this.#entries.values()) {
      entry.isWanted = false;
      entry.retry?.abort();
    }
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    for (const wake of this.#waiters) wake();
  }

  #entry(service: string): Entry<S> {
    const known = this.#entries.get(service);
    if (known !== undefined) return known;
    const entry: Entry<S> = {
      isWanted: false,
      run: undefined,
      retry: undefined,
      failures: 0,
      last: undefined,
      unsettledThen: new Set(),
    };
    this.#entries.set(service, entry);
    return entry;
  }

  #begin(service: string, entry: Entry<S>): void {
    if (entry.run !== undefined || !entry.isWanted || this.#stopping.signal.aborted) return;
    entry.isWanted = false;
    const run = new AbortController();
    entry.run = run;
    this.#track(this.#run(service, entry, AbortSignal.any([run.signal, this.#stopping.signal])));
  }

  async #run(service: string, entry: Entry<S>, signal: AbortSignal): Promise<void> {
    const result = await this.#converge(service, entry, signal);
    entry.run = undefined;
    if (this.#stopping.signal.aborted) return;
    entry.failures = result.mayRetry && result.outcome !== 'cancelled' ? entry.failures + 1 : 0;
    const retryMs = entry.failures === 0 ? undefined : this.#wait(entry.failures);
    entry.last = { ...result, failures: entry.failures, retryMs };
    this.#emit({ type: 'settled', service, settlement: entry.last });
    // What it waits for may have settled between its look and now, when nobody knew yet whom to wake.
    if (this.#waitsForNothing(entry)) entry.isWanted = true;
    if (entry.isWanted || retryMs === undefined) this.#begin(service, entry);
    else this.#retryLater(service, entry, retryMs);
    this.#wakeDependants(service);
    for (const wake of this.#waiters) wake();
  }

  #wait(failures: number): number {
    return backoffMs(failures, this.#o.backoff ?? defaults.backoff, this.#o.random);
  }

  async #converge(service: string, entry: Entry<S>, signal: AbortSignal): Promise<Converged<S>> {
    const { ports, quarantine } = this.#o;
    try {
      return await converge(ports, {
        gather: async () => {
          const input = await this.#gather();
          // What is not in the caller's scope any more is not touched, whoever asked for it before.
          const scope = new Set(input.scope?.has(service) === false ? [] : [service]);
          entry.unsettledThen = this.#unsettledBut(service);
          return { ...input, scope, unsettled: entry.unsettledThen };
        },
        quarantine,
        signal,
        limit: this.#limit,
        onPlan: (next, turn) => {
          if (turn === 1 || next.steps.length > 0) this.#emit({ type: 'plan', service, plan: next });
        },
        onEvent: (event) => this.#emit(event),
      });
    } catch (error) {
      const blocked = [{ service, reasons: [messageOf(error)], waitsFor: [] }];
      const last = { steps: [], blocked, unchanged: [] };
      return { outcome: 'blocked', mayRetry: true, turns: 0, done: [], failed: [], last };
    }
  }

  #retryLater(service: string, entry: Entry<S>, waitMs: number): void {
    const retry = new AbortController();
    entry.retry = retry;
    this.#track(
      this.#o.clock.sleep(waitMs, retry.signal).then(
        () => {
          if (entry.retry !== retry) return;
          entry.retry = undefined;
          entry.isWanted = true;
          this.#begin(service, entry);
        },
        // Cut short by new input or by the end of the loop.
        () => undefined,
      ),
    );
  }

  /** Those that were held back because of this service may go on now. */
  #wakeDependants(service: string): void {
    const held = [...this.#entries].filter(([, { last }]) =>
      last?.last.blocked.some((b) => b.waitsFor.includes(service)),
    );
    this.trigger(held.map(([name]) => name));
  }

  #waitsForNothing({ last, unsettledThen }: Entry<S>): boolean {
    const waitedFor = last?.last.blocked.flatMap((b) => b.waitsFor).filter((name) => unsettledThen.has(name)) ?? [];
    return waitedFor.some((name) => {
      const other = this.#entries.get(name);
      return other === undefined || !this.#isUnsettled(other);
    });
  }

  #isUnsettled({ run, isWanted, retry, failures }: Entry<S>): boolean {
    return run !== undefined || isWanted || (retry !== undefined && failures < patience);
  }

  #unsettledBut(service: string): ReadonlySet<string> {
    const others = [...this.#entries].filter(([name, entry]) => name !== service && this.#isUnsettled(entry));
    return new Set(others.map(([name]) => name));
  }

  async #change(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        signal.removeEventListener('abort', abort);
        if (this.#stopping.signal.aborted) reject(this.#stopping.signal.reason);
        else resolve();
      };
      const abort = (): void => {
        this.#waiters.delete(wake);
        reject(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiters.add(wake);
    });
  }

  async #periodically(): Promise<void> {
    const { clock, resyncMs = defaults.resyncMs } = this.#o;
    while (!this.#stopping.signal.aborted) {
      await this.resync();
      const pause =
        this.#lostSince === 0 ? resyncMs : Math.min(resyncMs, backoffMs(this.#lostSince, lostBackoff, this.#o.random));
      // Rejects only when the loop is stopped.
      await clock.sleep(pause, this.#stopping.signal).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const begun = this.#o.clock.now();
    try {
      const input = await this.#gather();
      if (input.observed.kind === 'unknown') return this.#lose(input.observed.reason);
      if (this.#lostSince > 0) this.#emit({ type: 'back' });
      this.#lostSince = 0;
      const whole = plan({ ...input, memory: { ...input.memory, quarantined: this.#o.quarantine } });
      // Those held back as well: in a plan of their own they may wait for less than in that of the whole.
      const held = whole.blocked.flatMap((b) => (b.waitsFor.length > 0 ? [b.service] : []));
      const triggered = [...new Set([...whole.steps.map((s) => s.action.service), ...held])];
      this.trigger(triggered);
      this.#lastResyncAt = this.#o.clock.now();
      this.#emit({ type: 'resynced', ms: this.#lastResyncAt - begun, triggered });
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#lose(messageOf(error));
    }
  }

  #lose(reason: string): void {
    if (this.#lostSince === 0) this.#emit({ type: 'lost', reason });
    this.#lostSince += 1;
    this.#lastResyncAt = this.#o.clock.now();
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  #emit(event: ReconcilerEvent<S>): void {
    this.#o.onEvent?.(event);
  }
}
