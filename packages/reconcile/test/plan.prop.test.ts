import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { instanceKey, plan, revision, type Instance, type PlanInput, type Plannable } from '@orca/reconcile';
import { desire } from './a-cluster.ts';

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

const known = (input: PlanInput<Plannable>): { instances: readonly Instance[]; routed: ReadonlySet<string> } => {
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
      { numRuns: 2000 },
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
      { numRuns: 2000 },
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
      { numRuns: 2000 },
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
      { numRuns: 2000 },
    );
  });
});
