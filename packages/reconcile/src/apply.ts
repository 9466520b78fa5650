import type { ActionKind, ActionOf, Plan, Plannable, Step } from './model.ts';
import { createLimit, type Limit } from './limit.ts';
import type { Ports, ReconcileEvent } from './ports.ts';

export interface ApplyOptions<S extends Plannable> {
  /** Cancels at the next safe point: steps under way are told, no new one begins. */
  readonly signal: AbortSignal;
  readonly onEvent?: (event: ReconcileEvent<S>) => void;
  /** Bounds the steps at work at once (those that wait are not), shared with other runs if need be. Default: four of this run. */
  readonly limit?: Limit;
}

export interface Applied<S extends Plannable> {
  readonly outcome: 'applied' | 'failed' | 'cancelled';
  readonly done: readonly Step<S>[];
  readonly failed: readonly { readonly step: Step<S>; readonly error: unknown }[];
}

const defaultConcurrency = 4;

/**
 * Carries out a plan through the ports. A step begins when all steps it comes after have
 * succeeded; a failed one skips only what comes after it. Never plans, never retries, and
 * throws only for a broken plan: failures are in the result.
 */
export const apply = async <S extends Plannable>(
  plan: Plan<S>,
  ports: Ports<S>,
  options: ApplyOptions<S>,
): Promise<Applied<S>> => {
  const run = new Run(plan, ports, options);
  await run.all();
  return run.result();
};

type Executors<S extends Plannable> = {
  readonly [K in ActionKind]: (action: ActionOf<S, K>, ports: Ports<S>, signal: AbortSignal) => Promise<void>;
};

/** An action without an executor does not compile. */
const executorsOf = <S extends Plannable>(): Executors<S> => ({
  prepare: (a, { runtime }, signal) => runtime.prepare(a.spec, signal),
  create: (a, { runtime }, signal) => runtime.create(a, signal),
  start: (a, { runtime }, signal) => runtime.start(a.key, signal),
  awaitReady: (a, { prober }, signal) => prober.awaitReady(a, signal),
  route: (a, { router }, signal) => router.route(a.key, a.spec, signal),
  drain: (a, { router }, signal) => router.drain(a.key, signal),
  stop: (a, { runtime }, signal) => runtime.stop(a.key, a.graceMs, signal),
  commit: (a, { runtime }, signal) => runtime.commit(a.key, signal),
  repair: (a, { runtime }, signal) => runtime.repair(a.key, signal),
  remove: (a, { runtime }, signal) => runtime.remove(a.key, signal),
});

const runAction = <S extends Plannable, K extends ActionKind>(
  executors: Executors<S>,
  action: ActionOf<S, K> & { readonly kind: K },
  ports: Ports<S>,
  signal: AbortSignal,
): Promise<void> => executors[action.kind](action, ports, signal);

/**
 * Those that wait rather than work: for a probe, for requests to end, for a registry (how much is fetched at once is
 * the runtime's to bound), for a process that takes its grace. A few of them must not keep other services from starting.
 */
const isWaiting = (kind: ActionKind): boolean => waitingKinds.has(kind);
const waitingKinds: ReadonlySet<ActionKind> = new Set(['prepare', 'awaitReady', 'drain', 'stop']);

class Run<S extends Plannable> {
  readonly #ports: Ports<S>;
  readonly #options: ApplyOptions<S>;
  readonly #executors: Executors<S> = executorsOf<S>();
  readonly #limit: Limit;
  readonly #pending: Set<Step<S>>;
  readonly #done = new Set<string>();
  readonly #doneSteps: Step<S>[] = [];
  readonly #failed: { step: Step<S>; error: unknown }[] = [];
  readonly #lost = new Map<string, string>();
  readonly #running = new Set<Promise<void>>();

  constructor(plan: Plan<S>, ports: Ports<S>, options: ApplyOptions<S>) {
    const ids = new Set(plan.steps.map((s) => s.id));
    if (ids.size !== plan.steps.length) throw new Error('broken plan: two steps have the same id');
    for (const step of plan.steps) {
      const unknown = step.after.find((id) => !ids.has(id));
      if (unknown !== undefined) throw new Error(`broken plan: ${step.id} comes after ${unknown}, which is not in it`);
    }
    this.#ports = ports;
    this.#options = options;
    this.#limit = options.limit ?? createLimit(defaultConcurrency);
    this.#pending = new Set(plan.steps);
  }

  async all(): Promise<void> {
    for (;;) {
      this.#skipLost();
      this.#begin();
      if (this.#running.size === 0) break;
      await Promise.race(this.#running);
    }
    if (this.#pending.size > 0 && !this.#options.signal.aborted) {
      throw new Error(`broken plan: ${[...this.#pending].map((s) => s.id).join(', ')} wait for one another`);
    }
    for (const step of this.#pending) this.#emit({ type: 'step.skipped', step, because: 'cancelled' });
  }

  result(): Applied<S> {
    const wasCut = this.#pending.size > 0 || this.#failed.some((f) => isAbort(f.error, this.#options.signal));
    const outcome = wasCut ? 'cancelled' : this.#failed.length > 0 ? 'failed' : 'applied';
    return { outcome, done: this.#doneSteps, failed: this.#failed };
  }

  /** What comes after a failed or skipped step is skipped, with the failure's name. */
  #skipLost(): void {
    // The steps of a plan are in dependency order, but a caller's may not be: repeat until nothing moves.
    for (let moved = true; moved;) {
      moved = false;
      for (const step of this.#pending) {
        const cause = step.after.map((id) => this.#lost.get(id)).find((c) => c !== undefined);
        if (cause === undefined) continue;
        this.#pending.delete(step);
        this.#lost.set(step.id, cause);
        this.#emit({ type: 'step.skipped', step, because: cause });
        moved = true;
      }
    }
  }

  #begin(): void {
    if (this.#options.signal.aborted) return;
    for (const step of this.#pending) {
      if (!step.after.every((id) => this.#done.has(id))) continue;
      this.#pending.delete(step);
      const promise = this.#inTurn(step).finally(() => this.#running.delete(promise));
      this.#running.add(promise);
    }
  }

  async #inTurn(step: Step<S>): Promise<void> {
    if (isWaiting(step.action.kind)) return this.#perform(step);
    await this.#limit.run(async () => {
      // Cancelled while it waited for its turn: it never began.
      if (this.#options.signal.aborted) this.#pending.add(step);
      else await this.#perform(step);
    });
  }

  async #perform(step: Step<S>): Promise<void> {
    const begun = this.#ports.now();
    this.#emit({ type: 'step.started', step });
    try {
      await runAction(this.#executors, step.action, this.#ports, this.#options.signal);
      this.#done.add(step.id);
      this.#doneSteps.push(step);
      this.#emit({ type: 'step.done', step, ms: this.#ports.now() - begun });
    } catch (error) {
      this.#failed.push({ step, error });
      this.#lost.set(step.id, step.id);
      this.#emit({ type: 'step.failed', step, ms: this.#ports.now() - begun, error });
    }
  }

  #emit(event: ReconcileEvent<S>): void {
    this.#options.onEvent?.(event);
  }
}

const isAbort = (error: unknown, signal: AbortSignal): boolean =>
  signal.aborted && Error.isError(error) && (error.name === 'AbortError' || error === signal.reason);
