import {
  createReconciler,
  type DesiredService,
  type Gathered,
  type InstanceKey,
  type Plannable,
  type Quarantine,
  type Reconciler,
} from '@orca/reconcile';
import { FakeClock, MemoryWorld, type MemoryProcess } from '@orca/reconcile/testing';
import { desire } from './a-cluster.ts';
import { random } from './random.ts';

const names = ['api', 'db', 'web'] as const;
const seconds = 1_000;

/**
 * One seeded story: a loop over a world in memory, in which calls take time, fail, or lose
 * their answer; instances die; somebody changes things by hand; what is desired changes in
 * the middle; and the process is killed and begun again. Safety is asserted after every
 * change of the world, and at the end everything must be as desired.
 */
export class LoopStory {
  readonly violations: string[] = [];
  readonly #clock = new FakeClock();
  readonly #next: () => number;
  readonly #world: MemoryWorld;
  /** How many serve, by service: from then on never fewer, unless something else took them. */
  readonly #floor = new Map<string, number>();
  /** Services that were to stop or to be fewer: until a run ends, one begun before may still take some down. */
  readonly #goingDown = new Set<string>();
  #desired: readonly DesiredService<Plannable>[] = [];
  #faults = 0;
  #isBlind = false;
  #process: MemoryProcess = { isDead: false };
  #quarantine: Quarantine = new Map();
  #loop: Reconciler<Plannable>;

  constructor(seed: number) {
    this.#next = random(seed);
    this.#world = new MemoryWorld({
      fault: ({ method, key }) => {
        if (this.#next() < this.#faults) throw this.#failure(`fault in ${method} ${key}`);
      },
      lose: ({ method, key }) => {
        if (this.#next() < this.#faults / 2) throw this.#failure(`answer to ${method} ${key} lost`);
      },
      delay: ({ method }, signal) => this.#clock.sleep(this.#durationOf(method), signal),
      isBad: (key) => key.endsWith('@bad'),
      onChange: () => this.#assertSafe(),
    });
    this.#loop = this.#begin();
  }

  async run(): Promise<void> {
    for (let act = 0; act < 12; act += 1) {
      this.#act();
      await this.#clock.advance(this.#next() * 20 * seconds);
    }
    await this.#calmEnd();
  }

  /** A failure that says that it may be retried is no verdict on the revision; one that does not, is. */
  #failure(message: string): Error {
    return this.#next() < 0.8 ? Object.assign(new Error(message), { retryable: true }) : new Error(message);
  }

  #durationOf(method: string): number {
    if (method === 'observe') return this.#next() * 50;
    return method === 'awaitReady' ? this.#next() * 5 * seconds : this.#next() * seconds;
  }

  /** A new process: it remembers nothing, and knows what is desired. */
  #begin(): Reconciler<Plannable> {
    const process: MemoryProcess = { isDead: false };
    this.#process.isDead = true;
    this.#process = process;
    const world = this.#world;
    const [runtime, router] = [world.runtime<Plannable>(process), world.router<Plannable>(process)];
    this.#quarantine = new Map();
    const loop = createReconciler<Plannable>({
      ports: { runtime, router, prober: world.prober(process), now: () => this.#clock.now() },
      clock: this.#clock,
      gather: async (signal): Promise<Gathered<Plannable>> => {
        const desired = this.#desired;
        if (this.#isBlind) return { desired, observed: { kind: 'unknown', reason: 'blind' } };
        const instances = await runtime.observe(signal);
        return { desired, observed: { kind: 'known', instances, routed: router.routed() }, allowMassRemoval: true };
      },
      quarantine: this.#quarantine,
      random: this.#next,
      onEvent: (event) => {
        if (event.type === 'settled' && !process.isDead && this.#isUp(event.service))
          this.#goingDown.delete(event.service);
      },
    });
    loop.start();
    return loop;
  }

  #act(): void {
    const acts: readonly (() => void)[] = [
      () => this.#change(),
      () => this.#change(),
      () => this.#change(),
      () => this.#kill(),
      () => this.#die(),
      () => this.#disturb(),
      () => void (this.#faults = this.#pick([0, 0.05, 0.3])),
      () => void (this.#isBlind = !this.#isBlind),
    ];
    this.#pick(acts)();
  }

  #change(): void {
    const before = this.#desired;
    this.#desired = this.#services(['a', 'b', 'bad']);
    this.#forgetFloors(before);
    this.#quarantine.clear();
    // Somebody tells the loop, or a trigger is lost, or comes twice, or cuts off what is under way.
    const tell: readonly (() => void)[] = [
      () => this.#loop.request(names),
      () => this.#loop.trigger(names),
      () => undefined,
      () => this.#loop.supersede(names),
      () => void this.#loop.settled(new Set(names), AbortSignal.timeout(60_000)).catch(() => undefined),
    ];
    this.#pick(tell)();
    if (this.#next() < 0.3) this.#pick(tell)();
  }

  #kill(): void {
    // Ended in order, or cut off in the middle of its calls.
    if (this.#next() < 0.3) void this.#loop.stop();
    this.#loop = this.#begin();
  }

  #die(): void {
    const victim = this.#pick([...this.#world.instances.keys(), undefined]);
    if (victim === undefined) return;
    this.#world.die(victim);
    // It may have been about to take over from one that is on its way out.
    const service = this.#world.instances.get(victim)?.service;
    if (service === undefined) return;
    this.#goingDown.add(service);
    this.#floor.set(service, 0);
  }

  #disturb(): void {
    const victim = this.#pick([...this.#world.instances.keys(), undefined]);
    if (victim !== undefined) this.#world.disturb(victim, 'was touched');
  }

  #services(revs: readonly string[]): readonly DesiredService<Plannable>[] {
    const isPaused = (): boolean => this.#next() < 0.1;
    const all = [
      desire('db', this.#pick(revs), { order: 'stop-first', isPaused: isPaused() }),
      desire('web', this.#pick(revs), {
        isRouted: true,
        dependsOn: ['db'],
        replicas: this.#pick([1, 2, 3]),
        isPaused: isPaused(),
      }),
      desire('api', this.#pick(revs), { isRouted: true, isPaused: isPaused() }),
    ];
    const isGone = this.#next() < 0.15 ? this.#pick(['web', 'api']) : undefined;
    return all.filter((d) => d.spec.name !== isGone);
  }

  #served(name: string): number {
    // Old and new of one slot count once.
    const serving = this.#world.running(name).filter((i) => this.#world.routes.has(i.key));
    return new Set(serving.map((i) => i.slot)).size;
  }

  #forgetFloors(before: readonly DesiredService<Plannable>[]): void {
    for (const name of names) {
      const wanted = this.#desired.find((d) => d.spec.name === name);
      const replicas = before.find((d) => d.spec.name === name)?.spec.replicas ?? 0;
      if (!this.#isUp(name) || (wanted?.spec.replicas ?? 0) > replicas) this.#goingDown.add(name);
      const limit = wanted === undefined || !this.#isUp(name) ? 0 : wanted.spec.replicas;
      this.#floor.set(name, Math.min(limit, this.#floor.get(name) ?? 0));
    }
  }

  #isUp(name: string): boolean {
    return this.#desired.some((d) => d.spec.name === name && !d.isPaused);
  }

  #assertSafe(): void {
    const after = `after ${this.#world.calls.at(-1)} at ${Math.round(this.#clock.now())} ms`;
    for (const { spec, order, isRouted, isPaused } of this.#desired) {
      const running = this.#world.running(spec.name);
      if (order.kind === 'stop-first') {
        for (const slot of new Set(running.map((i) => i.slot))) {
          const writers = running.filter((i) => i.slot === slot).length;
          if (writers > 1) this.violations.push(`two writers of ${spec.name}/${slot} ${after}`);
        }
      }
      if (this.#goingDown.has(spec.name)) this.#floor.set(spec.name, 0);
      else if (order.kind === 'start-first' && isRouted && !isPaused) {
        const served = this.#served(spec.name);
        const floor = this.#floor.get(spec.name) ?? 0;
        if (served < floor) this.violations.push(`${spec.name} is served by ${served} of ${floor} ${after}`);
        this.#floor.set(spec.name, Math.min(spec.replicas, Math.max(floor, served)));
      }
    }
    for (const key of this.#world.routes) {
      if (key.endsWith('@bad')) this.violations.push(`${key} is routed without being ready ${after}`);
    }
  }

  async #calmEnd(): Promise<void> {
    this.#faults = 0;
    this.#isBlind = false;
    const before = this.#desired;
    this.#desired = this.#services(['a', 'b']).map((d) => ({ ...d, isPaused: false }));
    this.#forgetFloors(before);
    // What is under way may still hear of an earlier death, and blame the revision for it.
    await this.#clock.advance(60 * seconds);
    this.#quarantine.clear();
    this.#loop.request(this.#desired.map((d) => d.spec.name));
    // Waits after failures are at most five minutes and a quarter; a look at the world comes every half minute.
    await this.#clock.advance(10 * 60 * seconds);
    for (const { spec, revision } of this.#desired) {
      const keys: readonly InstanceKey[] = this.#world.running(spec.name).map((i) => i.key);
      if (keys.length !== spec.replicas || !keys.every((k) => k.endsWith(`@${revision}`)))
        this.violations.push(`${spec.name} runs ${keys.join(' ') || 'nothing'} instead of ${revision}`);
    }
    const wanted = new Set(this.#desired.map((d) => d.spec.name));
    for (const i of this.#world.instances.values()) {
      if (i.stage !== 'current' || i.drift.length > 0 || !wanted.has(i.service))
        this.violations.push(`${i.key} is left over`);
    }
    const calls = this.#world.calls.length;
    this.#loop.trigger(names);
    void this.#loop.resync();
    await this.#clock.advance(60 * seconds);
    if (this.#world.calls.length !== calls) this.violations.push('a second pass changed something');
    void this.#loop.stop();
    await this.#clock.advance(0);
  }

  #pick<T>(list: readonly T[]): T {
    const picked = list.slice(Math.floor(this.#next() * list.length));
    for (const item of picked) return item;
    throw new Error('empty list');
  }
}
