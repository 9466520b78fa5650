import assert from 'node:assert/strict';
import { instanceKey, revision } from '../identity.ts';
import type { ActionOf, Instance, InstanceKey, Plannable } from '../model.ts';
import type { Runtime } from '../ports.ts';

/** A fresh place for one case: a runtime without instances, and hands to disturb it from outside. */
export interface ContractWorld<S extends Plannable> {
  readonly runtime: Runtime<S>;
  /** A spec of this name that starts at once and ends when asked to. */
  specOf(name: string, dependsOn: readonly string[]): S;
  /** Ends an instance behind the runtime's back. */
  kill(key: InstanceKey): Promise<void>;
  /** Changes something on a running instance that `repair` can put back. */
  disturb(key: InstanceKey): Promise<void>;
  dispose(): Promise<void>;
}

export interface ContractCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/**
 * What every `Runtime` must do, whatever it runs. Register the cases with any test runner:
 * `for (const c of runtimeContract(make)) it(c.name, c.run)`.
 */
export const runtimeContract = <S extends Plannable>(make: () => Promise<ContractWorld<S>>): readonly ContractCase[] =>
  cases<S>().map(([name, run]) => ({
    name,
    run: async () => {
      const world = await make();
      try {
        await run(new Driver(world));
      } finally {
        await world.dispose();
      }
    },
  }));

const graceMs = 5_000;

/** The port's calls in the words of the cases. */
class Driver<S extends Plannable> {
  readonly world: ContractWorld<S>;
  readonly #signal = new AbortController().signal;

  constructor(world: ContractWorld<S>) {
    this.world = world;
  }

  action(
    name: string,
    rev: string,
    { slot = 1, dependsOn = [] }: Partial<{ slot: number; dependsOn: readonly string[] }> = {},
  ): ActionOf<S, 'create'> {
    const spec = this.world.specOf(name, dependsOn);
    const key = instanceKey(name, slot, revision(rev));
    return {
      kind: 'create',
      service: name,
      reason: 'contract',
      key,
      slot,
      revision: revision(rev),
      spec,
      isReplacement: false,
    };
  }

  async created(...args: Parameters<Driver<S>['action']>): Promise<InstanceKey> {
    const action = this.action(...args);
    await this.world.runtime.prepare(action.spec, this.#signal);
    await this.world.runtime.create(action, this.#signal);
    return action.key;
  }

  async started(...args: Parameters<Driver<S>['action']>): Promise<InstanceKey> {
    const key = await this.created(...args);
    await this.start(key);
    return key;
  }

  start(key: InstanceKey): Promise<void> {
    return this.world.runtime.start(key, this.#signal);
  }

  stop(key: InstanceKey): Promise<void> {
    return this.world.runtime.stop(key, graceMs, this.#signal);
  }

  commit(key: InstanceKey): Promise<void> {
    return this.world.runtime.commit(key, this.#signal);
  }

  repair(key: InstanceKey): Promise<void> {
    return this.world.runtime.repair(key, this.#signal);
  }

  remove(key: InstanceKey): Promise<void> {
    return this.world.runtime.remove(key, this.#signal);
  }

  observe(): Promise<readonly Instance[]> {
    return this.world.runtime.observe(this.#signal);
  }

  async seen(key: InstanceKey): Promise<Instance> {
    const found = (await this.observe()).filter((i) => i.key === key);
    assert.equal(found.length, 1, `${key} is seen ${found.length} times`);
    const [instance] = found;
    assert.ok(instance);
    return instance;
  }
}

type Case<S extends Plannable> = readonly [name: string, run: (d: Driver<S>) => Promise<void>];

const cases = <S extends Plannable>(): readonly Case<S>[] => [
  [
    'creates a candidate that does not run, once however often it is asked',
    async (d) => {
      const key = await d.created('app', 'a', { dependsOn: ['db'] });
      await d.created('app', 'a', { dependsOn: ['db'] });
      const { service, slot, revision: rev, stage, status, dependsOn, drift } = await d.seen(key);
      assert.deepEqual(
        { service, slot, rev, stage, status, dependsOn, drift },
        { service: 'app', slot: 1, rev: 'a', stage: 'candidate', status: 'created', dependsOn: ['db'], drift: [] },
      );
    },
  ],
  [
    'starts once however often it is asked',
    async (d) => {
      const key = await d.started('app', 'a');
      await d.start(key);
      assert.equal((await d.seen(key)).status, 'running');
    },
  ],
  [
    'stops, and starts again; stopping what is stopped or absent is no error',
    async (d) => {
      const key = await d.started('app', 'a');
      await d.stop(key);
      await d.stop(key);
      assert.equal((await d.seen(key)).status, 'exited');
      await d.start(key);
      assert.equal((await d.seen(key)).status, 'running');
      await d.stop(instanceKey('nobody', 1, revision('a')));
    },
  ],
  [
    'commits: one current in a slot, the one before it retired',
    async (d) => {
      const first = await d.started('app', 'a');
      await d.commit(first);
      await d.commit(first);
      assert.equal((await d.seen(first)).stage, 'current');
      const second = await d.started('app', 'b');
      assert.equal((await d.seen(second)).stage, 'candidate');
      await d.commit(second);
      assert.equal((await d.seen(second)).stage, 'current');
      assert.equal((await d.seen(first)).stage, 'retired');
    },
  ],
  [
    'keeps slots apart',
    async (d) => {
      const one = await d.started('app', 'a', { slot: 1 });
      const two = await d.started('app', 'a', { slot: 2 });
      await d.commit(one);
      assert.equal((await d.seen(two)).stage, 'candidate');
      await d.commit(two);
      assert.equal((await d.seen(one)).stage, 'current');
    },
  ],
  [
    'keeps a service apart from one whose name begins with its own',
    async (d) => {
      const app = await d.started('app', 'a');
      const database = await d.started('app-db', 'a');
      await d.stop(app);
      await d.remove(app);
      assert.equal((await d.seen(database)).status, 'running');
    },
  ],
  [
    'refuses to remove what runs, removes what is stopped, and does not mind what is gone',
    async (d) => {
      const key = await d.started('app', 'a');
      await assert.rejects(d.remove(key));
      assert.equal((await d.seen(key)).status, 'running');
      await d.stop(key);
      await d.remove(key);
      await d.remove(key);
      assert.deepEqual(await d.observe(), []);
    },
  ],
  [
    'throws when what it should start or commit is not there',
    async (d) => {
      const key = instanceKey('nobody', 1, revision('a'));
      await assert.rejects(d.start(key));
      await assert.rejects(d.commit(key));
    },
  ],
  [
    'sees what ended behind its back, and starts it again',
    async (d) => {
      const key = await d.started('app', 'a');
      await d.world.kill(key);
      assert.equal((await d.seen(key)).status, 'exited');
      await d.start(key);
      assert.equal((await d.seen(key)).status, 'running');
    },
  ],
  [
    'tells what somebody changed on a proven instance, and puts it back without a restart',
    async (d) => {
      const key = await d.started('app', 'a');
      await d.commit(key);
      await d.world.disturb(key);
      assert.notDeepEqual((await d.seen(key)).drift, []);
      await d.repair(key);
      await d.repair(key);
      const { drift, status, stage } = await d.seen(key);
      assert.deepEqual({ drift, status, stage }, { drift: [], status: 'running', stage: 'current' });
    },
  ],
  [
    'leaves nothing behind when it is cancelled before it begins',
    async (d) => {
      await assert.rejects(d.world.runtime.create(d.action('app', 'a'), AbortSignal.abort()));
      assert.deepEqual(await d.observe(), []);
      await assert.rejects(d.world.runtime.observe(AbortSignal.abort()));
    },
  ],
];
