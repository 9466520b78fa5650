import type { ActionOf, Instance, InstanceKey, Plannable } from '../model.ts';
import type { Prober, Router, Runtime } from '../ports.ts';

/** What a test may make go wrong: throw to fail the call before it takes effect. */
export type Fault = (call: { readonly method: string; readonly key: string }) => void;

export interface MemoryWorldOptions {
  readonly fault?: Fault;
  /** Revisions that never become ready. */
  readonly isBad?: (key: InstanceKey) => boolean;
  /** Told after every change, when safety is to be asserted. */
  readonly onChange?: (world: MemoryWorld) => void;
}

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

  constructor(options: MemoryWorldOptions = {}) {
    this.#options = options;
  }

  /** A runtime over this world; several may share it, as after a restart. */
  runtime<S extends Plannable>(): Runtime<S> {
    return {
      observe: async (signal) => {
        signal.throwIfAborted();
        this.#risk('observe', '');
        return [...this.instances.values()].map((i) => ({ ...i }));
      },
      prepare: async (spec) => this.#risk('prepare', spec.name),
      create: async (action) => this.#create(action),
      start: async (key) => this.#set('start', key, 'running'),
      stop: async (key) => {
        if (this.instances.has(key)) this.#set('stop', key, 'exited');
      },
      commit: async (key) => this.#commit(key),
      remove: async (key) => this.#remove(key),
    };
  }

  prober<S extends Plannable>(): Prober<S> {
    return {
      awaitReady: async ({ key }) => {
        this.#risk('awaitReady', key);
        if (this.instances.get(key)?.status !== 'running') throw new Error(`${key} exited`);
        if (this.#options.isBad?.(key) === true) throw new Error(`${key} never became ready`);
      },
    };
  }

  router<S extends Plannable>(): Router<S> {
    return {
      routed: () => new Set(this.routes),
      route: async (key) => {
        this.#risk('route', key);
        if (this.routes.has(key)) return;
        this.routes.add(key);
        this.#changed('route', key);
      },
      drain: async (key) => {
        this.#risk('drain', key);
        if (this.routes.delete(key)) this.#changed('drain', key);
      },
    };
  }

  /** Someone else, or a crash, ends an instance. */
  die(key: InstanceKey): void {
    const instance = this.instances.get(key);
    if (instance?.status === 'running') instance.status = 'exited';
  }

  running(service: string): readonly Instance[] {
    return [...this.instances.values()].filter((i) => i.service === service && i.status === 'running');
  }

  #create<S extends Plannable>({ key, slot, revision, spec, service }: ActionOf<S, 'create'>): void {
    this.#risk('create', key);
    if (this.instances.has(key)) return;
    this.instances.set(key, {
      key,
      service,
      slot,
      revision,
      stage: 'candidate',
      status: 'created',
      dependsOn: spec.dependsOn,
    });
    this.#changed('create', key);
  }

  #set(method: string, key: InstanceKey, status: Instance['status']): void {
    this.#risk(method, key);
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
      this.#risk('commit: retire', other.key);
      other.stage = 'retired';
      this.#changed('retire', other.key);
    }
    this.#risk('commit', key);
    instance.stage = 'current';
    this.#changed('commit', key);
  }

  #remove(key: InstanceKey): void {
    this.#risk('remove', key);
    const instance = this.instances.get(key);
    if (instance === undefined) return;
    if (instance.status === 'running') throw new Error(`${key} still runs`);
    this.instances.delete(key);
    this.#changed('remove', key);
  }

  #risk(method: string, key: string): void {
    this.#options.fault?.({ method, key });
  }

  #changed(method: string, key: string): void {
    this.calls.push(`${method} ${key}`);
    this.#options.onChange?.(this);
  }
}
