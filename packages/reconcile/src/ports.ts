import type { ActionOf, Instance, InstanceKey, Plannable, Step } from './model.ts';

/**
 * Where instances live. Every method is idempotent: asked for what is already so, it
 * succeeds without a change. Throws when the world fails; an error may carry
 * `retryable: false` to say that only new input can help. Aborting the signal before a
 * call took effect leaves nothing behind; afterwards the call may complete.
 */
export interface Runtime<S extends Plannable> {
  /**
   * All instances of this owner. Throws rather than returning a part of the truth. Calls that
   * were given up, by this process or by one that died, must have ended or be seen as ended:
   * a start that takes effect after the look could make two writers of one volume.
   */
  observe(signal: AbortSignal): Promise<readonly Instance[]>;
  /** Makes sure that `create` finds what it needs locally. Called for many at once: what that may cost is bounded here. */
  prepare(spec: S, signal: AbortSignal): Promise<void>;
  /** Creates a candidate that does not run yet. */
  create(action: ActionOf<S, 'create'>, signal: AbortSignal): Promise<void>;
  start(key: InstanceKey, signal: AbortSignal): Promise<void>;
  /** Asks it to end, and after `graceMs` forces it. It stays stopped until `start`. */
  stop(key: InstanceKey, graceMs: number, signal: AbortSignal): Promise<void>;
  /** Makes a candidate current, and what was current before retired. */
  commit(key: InstanceKey, signal: AbortSignal): Promise<void>;
  /** Puts back what `observe` reported as drift, without a restart. */
  repair(key: InstanceKey, signal: AbortSignal): Promise<void>;
  /** Removes a stopped instance, never its data. Absent is success. */
  remove(key: InstanceKey, signal: AbortSignal): Promise<void>;
}

/** Decides whether a started instance may serve. Resolves when ready, throws with the reason when not. */
export interface Prober<S extends Plannable> {
  awaitReady(action: ActionOf<S, 'awaitReady'>, signal: AbortSignal): Promise<void>;
}

/** Where requests are sent. */
export interface Router<S extends Plannable> {
  routed(): ReadonlySet<InstanceKey>;
  route(key: InstanceKey, spec: S, signal: AbortSignal): Promise<void>;
  /** Takes no new requests to it, and resolves when the running ones ended or had their time. */
  drain(key: InstanceKey, signal: AbortSignal): Promise<void>;
}

/** Time as the loop sees it: monotonic, so that a wrong wall clock restarts nothing. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Resolves after that time; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface Ports<S extends Plannable> {
  readonly runtime: Runtime<S>;
  readonly prober: Prober<S>;
  readonly router: Router<S>;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

export type ReconcileEvent<S extends Plannable> =
  | { readonly type: 'step.started'; readonly step: Step<S> }
  | { readonly type: 'step.done'; readonly step: Step<S>; readonly ms: number }
  | { readonly type: 'step.failed'; readonly step: Step<S>; readonly ms: number; readonly error: unknown }
  /** Not attempted, because a step before it failed or the run was cancelled. */
  | { readonly type: 'step.skipped'; readonly step: Step<S>; readonly because: string };
