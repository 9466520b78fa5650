import { foldCrash, isCrashLoop, isOnWatch, restsUntil, type CrashHistory, type InstanceKey } from '@orca/reconcile';
import { exitWords, starvedWords, type EngineEvent, type InstanceDetails } from '@orca/runtime-docker';

export interface CrashesOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly onEvent: (event: CrashEvent) => void;
}

export type CrashEvent =
  | { readonly type: 'crashed'; readonly key: InstanceKey; readonly reason: string }
  | { readonly type: 'rests'; readonly key: InstanceKey; readonly reason: string; readonly forMs: number }
  /** It may be started again. */
  | { readonly type: 'rested'; readonly key: InstanceKey };

/** Since its last start. */
interface Run {
  readonly startedAt: number;
  /** Whether it was told to end. */
  wasAsked: boolean;
  /** Whether it ran out of memory. */
  wasStarved: boolean;
}

interface Resting {
  readonly until: number;
  readonly reason: string;
}

/**
 * Watches for instances that end without being asked to. The engine starts them again at
 * once, for ever; after a few times in ten minutes orca takes over and lets them rest, ever
 * longer. The engine's own pause starts anew after ten seconds of running, so that a crash
 * every eleven seconds would go on for ever.
 */
export class Crashes {
  readonly #o: CrashesOptions;
  readonly #keys = new Map<string, Pick<InstanceDetails, 'key' | 'memoryLimit' | 'stage'>>();
  readonly #runs = new Map<string, Run>();
  readonly #history = new Map<InstanceKey, CrashHistory>();
  readonly #resting = new Map<InstanceKey, Resting>();

  constructor(o: CrashesOptions) {
    this.#o = o;
  }

  /** For the planner: who is not to be started now. */
  resting(): ReadonlyMap<InstanceKey, string> {
    return new Map([...this.#resting].map(([key, { reason }]) => [key, reason]));
  }

  /** For the status: who crashes again and again, resting or not. */
  loops(): ReadonlyMap<InstanceKey, string> {
    return new Map(
      [...this.#history].flatMap(([key, history]) =>
        isCrashLoop(history, this.#runningMs(key)) ? [[key, describe(history)] as const] : [],
      ),
    );
  }

  /** Whether orca alone may start it again for now: the engine would do so at once, without the rest it owes. */
  isHeld(key: InstanceKey): boolean {
    const history = this.#history.get(key);
    return history !== undefined && isOnWatch(history, this.#runningMs(key));
  }

  /** Learns which container is which instance; forgets those that are gone. */
  see(instances: readonly InstanceDetails[]): void {
    const keys = new Set(instances.map((i) => i.key));
    const ids = new Set(instances.map((i) => i.containerId));
    for (const { containerId, key, memoryLimit, stage, status } of instances) {
      this.#keys.set(containerId, { key, memoryLimit, stage });
      if (status === 'running') this.#runOf(containerId);
    }
    for (const [id, { key }] of this.#keys) {
      if (ids.has(id)) continue;
      this.#keys.delete(id);
      this.#runs.delete(id);
      // Another container may be the same instance: somebody removed the one before it by hand.
      if (keys.has(key)) continue;
      this.#history.delete(key);
      this.#resting.delete(key);
    }
  }

  hear(event: EngineEvent): void {
    if (event.type !== 'changed') return;
    const { action, containerId, exitCode } = event;
    if (action === 'start') this.#runs.set(containerId, this.#newRun());
    // The engine tells of every signal before it sends it: whoever sent it, this end was asked for.
    else if (action === 'kill') this.#runOf(containerId).wasAsked = true;
    else if (action === 'oom') this.#runOf(containerId).wasStarved = true;
    else if (action === 'destroy') this.#runs.delete(containerId);
    else if (action === 'die') {
      const run = this.#runOf(containerId);
      if (!run.wasAsked) this.#crash(containerId, run, exitCode);
    }
  }

  /** How many containers something is remembered of. */
  get size(): number {
    return new Set([...this.#keys.keys(), ...this.#runs.keys()]).size;
  }

  /** Ends the rests that are over; to be called about once a second. */
  tick(): void {
    const now = this.#o.now();
    for (const [key, { until }] of this.#resting) {
      if (now < until) continue;
      this.#resting.delete(key);
      this.#o.onEvent({ type: 'rested', key });
    }
  }

  /** How long it has been running, rests apart. */
  #runningMs(key: InstanceKey): number {
    const [id] = [...this.#keys].find(([, known]) => known.key === key) ?? [];
    const run = id === undefined ? undefined : this.#runs.get(id);
    return run === undefined || this.#resting.has(key) ? 0 : this.#o.now() - run.startedAt;
  }

  #runOf(containerId: string): Run {
    const run = this.#runs.get(containerId) ?? this.#newRun();
    this.#runs.set(containerId, run);
    return run;
  }

  #newRun(): Run {
    return { startedAt: this.#o.now(), wasAsked: false, wasStarved: false };
  }

  #crash(containerId: string, { startedAt, wasStarved }: Run, exitCode: number | undefined): void {
    const known = this.#keys.get(containerId);
    // An unproven one is judged by those who wait for it.
    if (known?.stage !== 'current') return;
    const reason = wasStarved ? starvedWords(known.memoryLimit) : `exited with ${exitWords(exitCode)}`;
    const now = this.#o.now();
    const history = foldCrash(this.#history.get(known.key), { at: now, ranMs: now - startedAt, reason });
    this.#history.set(known.key, history);
    this.#o.onEvent({ type: 'crashed', key: known.key, reason });
    const until = restsUntil(history);
    if (until === undefined) return;
    const forMs = until - now;
    const text = `${describe(history)}; rests for ${Math.round(forMs / 1000)} s`;
    this.#resting.set(known.key, { until, reason: text });
    this.#o.onEvent({ type: 'rests', key: known.key, reason: text, forMs });
  }
}

const describe = ({ reason, count }: CrashHistory): string => `crash loop: ${reason}, ${count} times in a row`;
