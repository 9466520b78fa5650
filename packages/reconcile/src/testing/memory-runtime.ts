import type { ActionOf, Instance, InstanceKey, Plannable } from '../model.ts';
import type { Prober, Router, Runtime } from '../ports.ts';

/** What a test may make go wrong: throw to fail the call before it takes effect. */
export type Fault = (call: PortCall) => void;

export interface PortCall {
  readonly method: string;
  readonly key: string;
}

export interface MemoryWorldOptions {
  readonly fault?: Fault;
  /** How long a call takes before its effect; default: no time. */
  readonly delay?: (call: PortCall, signal: AbortSignal) => Promise<void>;
  /** Throw to lose the answer of a call that took effect. */
  readonly lose?: Fault;
  /** Revisions that never become ready. */
  readonly isBad?: (key: InstanceKey) => boolean;
  /** Told after every change, when safety is to be asserted. */
  readonly onChange?: (world: MemoryWorld) => void;
}

/** Whose calls they are; set `isDead` to have it killed: it begins nothing more and hears no answer. */
export interface MemoryProcess {
  isDead: boolean;
}

const immortal: MemoryProcess = { isDead: false };

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Instances, routes and readiness in memory, with the same contract as a real runtime:
 * every call is idempotent, and a fault leaves the world as it was.
 */
export class MemoryWorld {
  readonly instances: Map<InstanceKey, Mutable<Instance>> = new Map();
  readonly routes: Set<InstanceKey> = new Set();
  /** Calls that changed something, in order, for example `start web/1@a`. */
  readonly calls: string[] = [];
  readonly #options: MemoryWorldOptions;
  readonly #underWay = new Map<Promise<void>, MemoryProcess>();

  constructor(options: MemoryWorldOptions = {}) {
    this.#options = options;
  }

  /** A runtime over this world; several may share it, as after a restart. */
  runtime<S extends Plannable>(process: MemoryProcess = immortal): Runtime<S> {
    const call = this.#callsOf(process);
    return {
      observe: async (signal) => {
        await Promise.all(this.#orphans());
        return call('observe', '', signal, () => [...this.instances.values()].map((i) => ({ ...i })));
      },
      prepare: (spec, signal) => call('prepare', spec.name, signal, () => undefined),
      create: (action, signal) => call('create', action.key, signal, () => this.#create(action)),
      start: (key, signal) => call('start', key, signal, () => this.#set('start', key, 'running')),
      stop: (key, _graceMs, signal) => call('stop', key, signal, () => this.#stop(key)),
      commit: (key, signal) => call('commit', key, signal, () => this.#commit(key)),
      repair: (key, signal) => call('repair', key, signal, () => this.#repair(key)),
      remove: (key, signal) => call('remove', key, signal, () => this.#remove(key)),
    };
  }

  prober<S extends Plannable>(process: MemoryProcess = immortal): Prober<S> {
    const call = this.#callsOf(process);
    return {
      awaitReady: ({ key }, signal) =>
        call('awaitReady', key, signal, () => {
          if (this.instances.get(key)?.status !== 'running') throw new Error(`${key} exited`);
          if (this.#options.isBad?.(key) === true) throw new Error(`${key} never became ready`);
        }),
    };
  }

  router<S extends Plannable>(process: MemoryProcess = immortal): Router<S> {
    const call = this.#callsOf(process);
    return {
      routed: () => new Set(this.routes),
      route: (key, _spec, signal) =>
        call('route', key, signal, () => {
          if (this.routes.has(key)) return;
          this.routes.add(key);
          this.#changed('route', key);
        }),
      drain: (key, signal) =>
        call('drain', key, signal, () => {
          if (this.routes.delete(key)) this.#changed('drain', key);
        }),
    };
  }

  /** Someone else, or a crash, ends an instance. */
  die(key: InstanceKey): void {
    const instance = this.instances.get(key);
    if (instance?.status === 'running') instance.status = 'exited';
  }

  /** Someone changes an instance without ending it. */
  disturb(key: InstanceKey, how: string): void {
    const instance = this.instances.get(key);
    if (instance !== undefined) instance.drift = [...instance.drift, how];
  }

  running(service: string): readonly Instance[] {
    return [...this.instances.values()].filter((i) => i.service === service && i.status === 'running');
  }

  #create<S extends Plannable>({ key, slot, revision, spec, service }: ActionOf<S, 'create'>): void {
    if (this.instances.has(key)) return;
    const isTaken = [...this.instances.values()].some(
      (i) => i.service === service && i.slot === slot && i.stage === 'candidate',
    );
    if (isTaken) throw new Error(`${key}: the slot has another candidate`);
    this.instances.set(key, {
      key,
      service,
      slot,
      revision,
      stage: 'candidate',
      status: 'created',
      dependsOn: spec.dependsOn,
      drift: [],
    });
    this.#changed('create', key);
  }

  #stop(key: InstanceKey): void {
    if (this.instances.has(key)) this.#set('stop', key, 'exited');
  }

  #set(method: string, key: InstanceKey, status: Instance['status']): void {
    const instance = this.instances.get(key);
    if (instance === undefined) throw new Error(`${key} does not exist`);
    if (instance.status === status) return;
    instance.status = status;
    this.#changed(method, key);
  }

  #commit(key: InstanceKey): void {
    const instance = this.instances.get(key);
    if (instance === undefined) throw new Error(`${key} does not exist`);
    if (instance.stage === 'current') return;
    for (const other of this.instances.values()) {
      if (other.service !== instance.service || other.slot !== instance.slot || other.stage !== 'current') continue;
      other.stage = 'retired';
      this.#changed('retire', other.key);
      // A commit has two halves, and may end between them.
      this.#options.fault?.({ method: 'commit: promote', key });
    }
    instance.stage = 'current';
    this.#changed('commit', key);
  }

  #repair(key: InstanceKey): void {
    const instance = this.instances.get(key);
    if (instance === undefined) throw new Error(`${key} does not exist`);
    if (instance.drift.length === 0) return;
    instance.drift = [];
    this.#changed('repair', key);
  }

  #remove(key: InstanceKey): void {
    const instance = this.instances.get(key);
    if (instance === undefined) return;
    if (instance.status === 'running') throw new Error(`${key} still runs`);
    this.instances.delete(key);
    this.#changed('remove', key);
  }

  /** Calls of a process: what a dead one has under way takes effect, but nobody hears of it. */
  #callsOf(
    process: MemoryProcess,
  ): <T>(method: string, key: string, signal: AbortSignal, effect: () => T) => Promise<T> {
    return async (method, key, signal, effect) => {
      const silence = new Promise<never>(() => undefined);
      if (process.isDead) return silence;
      const work = this.#call({ method, key }, signal, effect);
      const ended = work.then(
        () => undefined,
        () => undefined,
      );
      this.#underWay.set(ended, process);
      await ended;
      this.#underWay.delete(ended);
      return process.isDead ? silence : work;
    };
  }

  /** Calls under way whose process has died. */
  #orphans(): readonly Promise<void>[] {
    return [...this.#underWay].flatMap(([ended, process]) => (process.isDead ? [ended] : []));
  }

  async #call<T>(call: PortCall, signal: AbortSignal, effect: () => T): Promise<T> {
    signal.throwIfAborted();
    this.#options.fault?.(call);
    await this.#options.delay?.(call, signal);
    const result = effect();
    this.#options.lose?.(call);
    return result;
  }

  #changed(method: string, key: string): void {
    this.calls.push(`${method} ${key}`);
    this.#options.onChange?.(this);
  }
}
