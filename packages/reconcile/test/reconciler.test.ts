import { describe, expect, it } from '@jest/globals';
import {
  createReconciler,
  instanceKey,
  revision,
  type DesiredService,
  type Gathered,
  type Plannable,
  type Quarantine,
  type Reconciler,
  type ReconcilerEvent,
} from '@orca/reconcile';
import { FakeClock, MemoryWorld, type MemoryWorldOptions } from '@orca/reconcile/testing';
import { desire } from './a-cluster.ts';

const never = new AbortController().signal;
const minute = 60_000;

/** A loop over a world in memory, whose clock only moves when it is told to. */
class Rig {
  readonly clock = new FakeClock();
  readonly events: ReconcilerEvent<Plannable>[] = [];
  readonly quarantine: Quarantine = new Map();
  readonly world: MemoryWorld;
  readonly loop: Reconciler<Plannable>;
  desired: readonly DesiredService<Plannable>[];
  scope: ReadonlySet<string> | undefined;
  isBlind = false;
  isSlow = false;
  isSick = false;
  gathers = 0;

  constructor(
    desired: readonly DesiredService<Plannable>[],
    options: Omit<MemoryWorldOptions, 'delay'> & { readonly ms?: (method: string, key: string) => number } = {},
  ) {
    this.desired = desired;
    const { ms = () => 100, ...rest } = options;
    this.world = new MemoryWorld({
      ...rest,
      delay: ({ method, key }, signal) => this.clock.sleep(ms(method, key), signal),
    });
    const runtime = this.world.runtime<Plannable>();
    const router = this.world.router<Plannable>();
    this.loop = createReconciler<Plannable>({
      ports: { runtime, router, prober: this.world.prober(), now: () => this.clock.now() },
      clock: this.clock,
      gather: async (signal): Promise<Gathered<Plannable>> => {
        this.gathers += 1;
        if (this.isBlind) return { desired: this.desired, observed: { kind: 'unknown', reason: 'no answer' } };
        const instances = await runtime.observe(signal);
        const observed = { kind: 'known', instances, routed: router.routed() } as const;
        return { desired: this.desired, observed, ...(this.scope === undefined ? {} : { scope: this.scope }) };
      },
      quarantine: this.quarantine,
      random: () => 0.5,
      onEvent: (event) => this.events.push(event),
    });
  }

  names(): readonly string[] {
    return this.desired.map((d) => d.spec.name);
  }

  running(): readonly string[] {
    return this.names().flatMap((name) => this.world.running(name).map((i) => i.key as string));
  }

  runsOf(service: string): number {
    return this.events.filter((e) => e.type === 'settled' && e.service === service).length;
  }

  waits(service: string): readonly number[] {
    return this.events.flatMap((e) =>
      e.type === 'settled' && e.service === service && e.settlement.retryMs !== undefined ? [e.settlement.retryMs] : [],
    );
  }
}

const retryable = (message: string): Error => Object.assign(new Error(message), { retryable: true });

describe('the loop', () => {
  it('1: corrects what nobody told it of at the next full look', async () => {
    const rig = new Rig([desire('web', 'a')]);
    rig.loop.start();
    await rig.clock.advance(5_000);
    expect(rig.running()).toEqual(['web/1@a']);
    for (const key of rig.world.instances.keys()) rig.world.die(key);
    await rig.clock.advance(30_000);
    expect(rig.running()).toEqual(['web/1@a']);
    await rig.loop.stop();
  });

  it('1, 20: the full look also brings back what depends on a service that was rolled back', async () => {
    const rig = new Rig([desire('db', 'a'), desire('web', 'a', { dependsOn: ['db'] })], {
      isBad: (key) => key === 'db/1@b',
    });
    rig.loop.start();
    await rig.clock.advance(5_000);
    rig.desired = [desire('db', 'b'), desire('web', 'a', { dependsOn: ['db'] })];
    rig.loop.request(['db']);
    await rig.clock.advance(5_000);
    expect(rig.quarantine.get('db')?.revision).toBe('b');
    expect(rig.running()).toEqual(['db/1@a', 'web/1@a']);
    rig.world.die(instanceKey('web', 1, revision('a')));
    await rig.clock.advance(35_000);
    expect(rig.running()).toEqual(['db/1@a', 'web/1@a']);
    await rig.loop.stop();
  });

  it('8: touches nothing that is not in its scope any more', async () => {
    const rig = new Rig([desire('api', 'a'), desire('web', 'a')]);
    rig.loop.request(['api', 'web']);
    await rig.clock.advance(5_000);
    rig.desired = [desire('api', 'a')];
    rig.scope = new Set(['api']);
    rig.loop.request(['web']);
    await rig.clock.advance(5_000);
    expect([...rig.world.instances.keys()]).toEqual(['api/1@a', 'web/1@a']);
  });

  it('9: merges a hundred triggers into one run under way and one more', async () => {
    const rig = new Rig([desire('web', 'a')]);
    for (let i = 0; i < 100; i += 1) {
      rig.loop.trigger(['web']);
      await rig.clock.advance(5);
    }
    await rig.clock.advance(minute);
    expect(rig.runsOf('web')).toBe(2);
    expect(rig.world.calls).toEqual(['create web/1@a', 'start web/1@a', 'commit web/1@a']);
  });

  it('9: cuts off what is not wanted any more at the next safe point, and goes on with what is', async () => {
    const rig = new Rig([desire('web', 'a')], { ms: (method) => (method === 'awaitReady' ? 5 * minute : 100) });
    rig.loop.request(['web']);
    await rig.clock.advance(1_000);
    rig.desired = [desire('web', 'b')];
    rig.loop.supersede(['web']);
    await rig.clock.advance(6 * minute);
    expect(rig.running()).toEqual(['web/1@b']);
    expect(rig.clock.now()).toBeLessThan(7 * minute);
    const outcomes = rig.events.flatMap((e) => (e.type === 'settled' ? [e.settlement.outcome] : []));
    expect(outcomes).toEqual(['cancelled', 'converged']);
  });

  it.each(['prepare', 'stop'])('10: services that wait long for their %s hold up no other', async (slow) => {
    const services = Array.from({ length: 6 }, (_, i) => desire(`s${i}`, 'a', { order: 'stop-first' }));
    const rig = new Rig([...services, desire('other', 'a')], {
      ms: (method, key) => (method === slow && key.startsWith('s') && rig.isSlow ? 60 * minute : 100),
    });
    rig.loop.request(rig.names());
    await rig.clock.advance(minute);
    rig.isSlow = true;
    rig.desired = rig.desired.map((d) => ({ ...d, revision: revision('b') }));
    rig.loop.request(services.map((d) => d.spec.name));
    await rig.clock.advance(minute);
    rig.loop.request(['other']);
    await rig.clock.advance(minute);
    expect(rig.world.running('other')).toMatchObject([{ revision: 'b' }]);
    expect(services.filter((d) => rig.loop.isSettled(d.spec.name))).toEqual([]);
  });

  it('10: has at most four steps at work over all services, and waiting for readiness is not work', async () => {
    let most = 0;
    const services = Array.from({ length: 12 }, (_, i) => desire(`s${i}`, 'a'));
    const rig = new Rig(services, { ms: (method) => (method === 'awaitReady' ? minute : 1_000) });
    const working = new Set<string>();
    rig.loop.request(rig.names());
    for (let tick = 0; tick < 100; tick += 1) {
      await rig.clock.advance(500);
      working.clear();
      for (const e of rig.events) {
        if (e.type === 'step.started' && !['prepare', 'awaitReady'].includes(e.step.action.kind))
          working.add(e.step.id);
        if (e.type === 'step.done') working.delete(e.step.id);
      }
      most = Math.max(most, working.size);
    }
    expect(most).toBe(4);
    await rig.clock.advance(2 * minute);
    expect(rig.running()).toHaveLength(12);
  });

  it('10: a service that hangs holds up nobody but its dependants', async () => {
    const services = [desire('stuck', 'a'), desire('above', 'a', { dependsOn: ['stuck'] }), desire('other', 'a')];
    const rig = new Rig(services, {
      ms: (method, key) => (method === 'awaitReady' && key.startsWith('stuck') ? 60 * minute : 100),
    });
    rig.loop.request(rig.names());
    await rig.clock.advance(minute);
    expect(rig.running()).toEqual(['stuck/1@a', 'other/1@a']);
    expect(rig.loop.isSettled('other')).toBe(true);
    expect(rig.loop.isSettled('above')).toBe(false);
    // It waits for the other one, and does nothing meanwhile.
    expect(['stuck', 'above', 'other', 'unknown'].filter((name) => rig.loop.isUnderWay(name))).toEqual(['stuck']);
    const settled = rig.loop.settled(new Set(['above']), never);
    // Whoever depends on it asks it once more, which takes as long again.
    await rig.clock.advance(125 * minute);
    expect((await settled).get('above')?.outcome).toBe('converged');
  });

  it('21: goes on when what it waited for settles while its own run ends', async () => {
    const chain = (rev: string): readonly DesiredService<Plannable>[] => [
      desire('a', 'a'),
      desire('b', rev, { dependsOn: ['a'] }),
      desire('c', 'a', { dependsOn: ['b'] }),
    ];
    const rig = new Rig(chain('bad'), { isBad: (key) => key.endsWith('@bad'), ms: () => 1 });
    rig.loop.request(rig.names());
    await rig.clock.advance(minute);
    expect(rig.running()).toEqual(['a/1@a']);
    rig.desired = chain('good');
    rig.loop.request(rig.names());
    const settled = rig.loop.settled(new Set(rig.names()), never);
    await rig.clock.advance(1_000);
    expect([...(await settled).values()].map((s) => s.outcome)).toEqual(['converged', 'converged', 'converged']);
    expect(rig.running()).toEqual(['a/1@a', 'b/1@good', 'c/1@a']);
  });

  it('11: waits ever longer after failures that may go away, at most five minutes, and begins anew after a success', async () => {
    let isDown = true;
    const rig = new Rig([desire('web', 'a')], {
      fault: ({ method }) => {
        if (isDown && method === 'create') throw retryable('the engine is busy');
      },
    });
    rig.loop.request(['web']);
    await rig.clock.advance(60 * minute);
    expect(rig.waits('web').slice(0, 12)).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000,
    ]);
    isDown = false;
    await rig.clock.advance(6 * minute);
    expect(rig.running()).toEqual(['web/1@a']);
    isDown = true;
    rig.desired = [desire('web', 'b')];
    rig.loop.request(['web']);
    await rig.clock.advance(100);
    await rig.clock.advance(400);
    expect(rig.waits('web').at(-1)).toBe(500);
  });

  it('11: a trigger does not shorten the wait, new input does', async () => {
    const rig = new Rig([desire('web', 'a')], {
      fault: ({ method }) => {
        if (method === 'create') throw retryable('the engine is busy');
      },
    });
    rig.loop.request(['web']);
    await rig.clock.advance(10 * minute);
    const runs = rig.runsOf('web');
    rig.loop.trigger(['web']);
    void rig.loop.resync();
    await rig.clock.advance(1_000);
    expect(rig.runsOf('web')).toBe(runs);
    rig.loop.request(['web']);
    await rig.clock.advance(300);
    expect(rig.runsOf('web')).toBe(runs + 1);
  });

  it('29: tries a revision that failed once, whatever triggers come', async () => {
    const rig = new Rig([desire('web', 'a', { isRouted: true })], { isBad: (key) => key.endsWith('@bad') });
    rig.loop.start();
    rig.loop.request(['web']);
    await rig.clock.advance(minute);
    rig.desired = [desire('web', 'bad', { isRouted: true })];
    rig.loop.request(['web']);
    for (let i = 0; i < 20; i += 1) {
      await rig.clock.advance(minute);
      rig.loop.trigger(['web']);
    }
    expect(rig.world.calls.filter((call) => call === 'create web/1@bad')).toHaveLength(1);
    expect(rig.running()).toEqual(['web/1@a']);
    expect(rig.quarantine.get('web')?.reason).toBe('web/1@bad never became ready');
    await rig.loop.stop();
  });

  it('28: brings up what was last proven when the new revision fails and nothing proven is there any more', async () => {
    const good = desire('web', 'a');
    const rig = new Rig([{ ...desire('web', 'bad'), lastGood: good }], { isBad: (key) => key.endsWith('@bad') });
    rig.loop.request(['web']);
    await rig.clock.advance(minute);
    expect(rig.running()).toEqual(['web/1@a']);
    expect(rig.loop.isSettled('web')).toBe(true);
  });

  it('28, 30: an update that fails at its second replica ends with all replicas as they were', async () => {
    const before = desire('web', 'a', { replicas: 3, isRouted: true });
    const rig = new Rig([before], { isBad: (key) => key === 'web/2@b' });
    rig.loop.request(['web']);
    await rig.clock.advance(minute);
    rig.desired = [{ ...desire('web', 'b', { replicas: 3, isRouted: true }), lastGood: before }];
    rig.loop.request(['web']);
    await rig.clock.advance(minute);
    expect(rig.running().toSorted()).toEqual(['web/1@a', 'web/2@a', 'web/3@a']);
    expect([...rig.world.routes].toSorted()).toEqual(rig.running().toSorted());
    expect(rig.world.calls.filter((call) => call.startsWith('start') && call.endsWith('@b'))).toEqual([
      'start web/1@b',
      'start web/2@b',
    ]);
  });

  it('20, 29: goes on trying to bring back what was well once, though its instance is gone', async () => {
    const good = desire('web', 'a');
    const rig = new Rig([{ ...good, lastGood: good }], { isBad: () => rig.isSick });
    rig.isSick = true;
    rig.loop.request(['web']);
    await rig.clock.advance(minute);
    expect(rig.quarantine.size).toBe(0);
    rig.isSick = false;
    await rig.clock.advance(7 * minute);
    expect(rig.world.instances.get(instanceKey('web', 1, revision('a')))).toMatchObject({ stage: 'current' });
  });

  it('8, 39: changes nothing while it cannot see, tries for ever, and looks at everything when it can again', async () => {
    const rig = new Rig([desire('web', 'a')]);
    rig.loop.start();
    await rig.clock.advance(minute);
    const before = rig.world.calls.length;
    rig.isBlind = true;
    for (const key of rig.world.instances.keys()) rig.world.die(key);
    rig.loop.trigger(['web']);
    await rig.clock.advance(60 * minute);
    expect(rig.world.calls).toHaveLength(before);
    rig.isBlind = false;
    // At most half a minute and its jitter until the next look, then the wait of the service itself.
    await rig.clock.advance(6 * minute);
    expect(rig.running()).toEqual(['web/1@a']);
    const seen = rig.events.filter((e) => e.type === 'lost' || e.type === 'back').map((e) => e.type);
    expect(seen).toEqual(['lost', 'back']);
    await rig.loop.stop();
  });

  it('one look serves all who ask at once', async () => {
    const services = Array.from({ length: 50 }, (_, i) => desire(`s${i}`, 'a'));
    const rig = new Rig(services);
    rig.loop.request(rig.names());
    await rig.clock.advance(100);
    expect(rig.gathers).toBe(1);
  });

  it('tells whoever waits after a few tries, and goes on trying', async () => {
    const rig = new Rig([desire('web', 'a')], {
      fault: ({ method }) => {
        if (method === 'start') throw retryable('no');
      },
    });
    rig.loop.request(['web']);
    const settled = rig.loop.settled(new Set(['web']), never);
    await rig.clock.advance(20_000);
    const settlement = (await settled).get('web');
    expect(settlement).toMatchObject({ outcome: 'failed', failures: 4 });
    expect(settlement?.retryMs).toBeGreaterThan(0);
  });

  it('ends in order: what is under way comes to a safe point, and nothing begins any more', async () => {
    const rig = new Rig([desire('web', 'a')]);
    rig.loop.start();
    await rig.clock.advance(150);
    const stopped = rig.loop.stop();
    await rig.clock.advance(10 * minute);
    await stopped;
    const calls = rig.world.calls.length;
    rig.loop.trigger(['web']);
    await rig.clock.advance(10 * minute);
    expect(rig.world.calls).toHaveLength(calls);
  });
});
