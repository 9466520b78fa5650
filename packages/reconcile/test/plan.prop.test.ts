import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  converge,
  instanceKey,
  plan,
  revision,
  type Instance,
  type InstanceKey,
  type PlanInput,
  type Plannable,
} from '@orca/reconcile';
import { MemoryWorld } from '@orca/reconcile/testing';
import { desire } from './a-cluster.ts';

/** `ORCA_PROP_RUNS=100000` for the full count; every failure prints the seed that repeats it. */
const numRuns = Number(process.env['ORCA_PROP_RUNS'] ?? 2000);

const names = ['a', 'b', 'c', 'd'] as const;
const revs = ['x', 'y'] as const;

const service = fc.record({
  name: fc.constantFrom(...names),
  rev: fc.constantFrom(...revs),
  replicas: fc.integer({ min: 0, max: 3 }),
  order: fc.constantFrom('start-first' as const, 'stop-first' as const),
  isRouted: fc.boolean(),
  isPaused: fc.boolean(),
  dependsOn: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 2 }),
});
const instance = fc.record({
  service: fc.constantFrom(...names),
  slot: fc.integer({ min: 1, max: 3 }),
  rev: fc.constantFrom(...revs),
  stage: fc.constantFrom('candidate' as const, 'current' as const, 'retired' as const),
  status: fc.constantFrom(
    'created' as const,
    'running' as const,
    'paused' as const,
    'exited' as const,
    'removing' as const,
  ),
  routed: fc.boolean(),
});
const inputs = fc
  .record({
    services: fc.uniqueArray(service, { selector: (s) => s.name, maxLength: 4 }),
    instances: fc.uniqueArray(instance, { selector: (i) => `${i.service}/${i.slot}@${i.rev}`, maxLength: 10 }),
    quarantined: fc.uniqueArray(fc.constantFrom(...names)),
  })
  .map(({ services, instances, quarantined }): PlanInput<Plannable> => {
    const seen = instances.map(({ rev, ...i }): Instance => ({
      service: i.service,
      slot: i.slot,
      stage: i.stage,
      status: i.status,
      key: instanceKey(i.service, i.slot, revision(rev)),
      revision: revision(rev),
      dependsOn: [],
      drift: [],
    }));
    return {
      desired: services.map(({ name, rev, ...rest }) => desire(name, rev, rest)),
      observed: {
        kind: 'known',
        instances: seen,
        routed: new Set(seen.filter((_, i) => instances[i]?.routed ?? false).map((i) => i.key)),
      },
      memory: { quarantined: new Map(quarantined.map((n) => [n, { revision: revision('x'), reason: 'failed' }])) },
      allowMassRemoval: true,
    };
  });

const known = (input: PlanInput<Plannable>): { instances: readonly Instance[]; routed: ReadonlySet<InstanceKey> } => {
  if (input.observed.kind !== 'known') throw new Error('generated inputs are known');
  return input.observed;
};

describe('plan, for any input', () => {
  it('is the same when the input is shuffled', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { instances, routed } = known(input);
        const shuffled = plan({
          ...input,
          desired: input.desired.toReversed(),
          observed: {
            kind: 'known',
            instances: instances.toReversed(),
            routed: new Set([...routed].toReversed() as never[]),
          },
        });
        expect(shuffled).toEqual(plan(input));
      }),
      { numRuns },
    );
  });

  it('names each step once, after steps of the same plan only, without a circle', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { steps } = plan(input);
        const ids = steps.map((s) => s.id);
        expect(new Set(ids).size).toBe(ids.length);
        const done = new Set<string>();
        for (let left = steps; left.length > 0;) {
          const ready = left.filter((s) => s.after.every((id) => done.has(id)));
          expect(ready.length).toBeGreaterThan(0);
          for (const s of ready) done.add(s.id);
          left = left.filter((s) => !done.has(s.id));
        }
      }),
      { numRuns },
    );
  });

  it('creates nothing beyond the replicas asked for, and nothing paused', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        for (const { action } of plan(input).steps) {
          if (action.kind !== 'create') continue;
          const d = input.desired.find((x) => x.spec.name === action.service);
          expect(d?.isPaused).toBe(false);
          expect(action.slot).toBeLessThanOrEqual(d?.spec.replicas ?? 0);
        }
      }),
      { numRuns },
    );
  });

  it('removes nothing that may run without stopping it first', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { instances } = known(input);
        const { steps } = plan(input);
        for (const { action } of steps) {
          if (action.kind !== 'remove') continue;
          const i = instances.find((x) => x.key === action.key);
          if (i?.status !== 'running' && i?.status !== 'paused') continue;
          expect(steps.some((s) => s.id === `${action.key} stop`)).toBe(true);
        }
      }),
      { numRuns },
    );
  });

  it('21: plans nothing at all on an observation that failed', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { steps, unchanged } = plan({ ...input, observed: { kind: 'unknown', reason: 'no answer' } });
        expect({ steps, unchanged }).toEqual({ steps: [], unchanged: [] });
      }),
      { numRuns },
    );
  });

  it('21, 23: starts a single writer only after every other one of its slot was stopped', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { instances } = known(input);
        const { steps } = plan(input);
        const byId = new Map(steps.map((s) => [s.id, s]));
        const comesAfter = (id: string, other: string): boolean => {
          const after = byId.get(id)?.after ?? [];
          return after.includes(other) || after.some((a) => comesAfter(a, other));
        };
        for (const { id, action } of steps) {
          if (action.kind !== 'start') continue;
          const order = input.desired.find((d) => d.spec.name === action.service)?.order.kind;
          const slot = action.key.slice(0, action.key.indexOf('@'));
          const others = instances.filter(
            (i) =>
              i.key !== action.key && i.key.startsWith(`${slot}@`) && (i.status === 'running' || i.status === 'paused'),
          );
          if (order === 'stop-first') for (const i of others) expect(comesAfter(id, `${i.key} stop`)).toBe(true);
        }
      }),
      { numRuns },
    );
  });

  it('21: makes progress: what a plan was made for is there after a few turns, and then nothing is left to do', async () => {
    await fc.assert(
      fc.asyncProperty(inputs, async (input) => {
        const world = new MemoryWorld();
        // What is on its way out has gone when somebody acts on it.
        for (const i of known(input).instances) if (i.status !== 'removing') world.instances.set(i.key, { ...i });
        for (const key of known(input).routed) if (world.instances.has(key)) world.routes.add(key);
        // Of several candidates or current ones in a slot, as no runtime has them, only one stays.
        const all = [...world.instances.values()];
        for (const i of all) {
          const twins = [...world.instances.values()].filter(
            (o) => o.service === i.service && o.slot === i.slot && o.stage === i.stage,
          );
          for (const twin of twins.slice(1)) {
            world.instances.delete(twin.key);
            world.routes.delete(twin.key);
          }
        }
        const runtime = world.runtime<Plannable>();
        const router = world.router<Plannable>();
        const gather = async (signal: AbortSignal) => ({
          desired: input.desired,
          observed: { kind: 'known' as const, instances: await runtime.observe(signal), routed: router.routed() },
          allowMassRemoval: true,
        });
        const run = () =>
          converge(
            { runtime, router, prober: world.prober(), now: () => 0 },
            { gather, quarantine: new Map(input.memory.quarantined), signal: new AbortController().signal },
          );
        const first = await run();
        expect(['converged', 'blocked']).toContain(first.outcome);
        expect(first.turns).toBeLessThanOrEqual(4);
        expect((await run()).turns).toBe(1);
      }),
      { numRuns },
    );
  });
});
