import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Balancer } from '../src/balancer.ts';
import { defaultEjection, Ejections } from '../src/ejection.ts';
import type { Target } from '../src/route.ts';

/** Repeatable chance (mulberry32). */
const randomFrom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const targetsOf = (weights: readonly number[]): readonly Target[] =>
  weights.map((weight, index) => ({ id: `t${index}`, host: '127.0.0.1', port: 1 + index, weight }));

const balancer = (o: { seed: number; busy?: ReadonlyMap<string, number>; out?: ReadonlySet<string> }): Balancer =>
  new Balancer({
    ledger: { count: (id) => o.busy?.get(id) ?? 0 },
    ejections: { isOut: (id) => o.out?.has(id) ?? false },
    random: randomFrom(o.seed),
  });

/** How often each target was picked, none of them ever being busy. */
const sharesOf = (weights: readonly number[], seed: number, rounds: number): readonly number[] => {
  const targets = targetsOf(weights);
  const picker = balancer({ seed });
  const counts = weights.map(() => 0);
  for (let i = 0; i < rounds; i += 1) {
    const picked = picker.pick(targets, new Set());
    const index = targets.findIndex((target) => target === picked);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts.map((count) => count / rounds);
};

const situations = fc.record({
  weights: fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 1, maxLength: 8 }),
  busy: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 8, maxLength: 8 }),
  out: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
  tried: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
  seed: fc.integer(),
});

test('P49 never picks an ejected or a tried target while another one exists, and always picks one that was not tried', () => {
  fc.assert(
    fc.property(situations, ({ weights, busy, out, tried, seed }) => {
      const targets = targetsOf(weights);
      const marked = (flags: readonly boolean[]): ReadonlySet<string> =>
        new Set(targets.filter((_, index) => flags[index]).map(({ id }) => id));
      const [isOut, wasTried] = [marked(out), marked(tried)];
      const counts = new Map(targets.map(({ id }, index) => [id, busy[index] ?? 0]));
      const picked = balancer({ seed, busy: counts, out: isOut }).pick(targets, wasTried);
      const open = targets.filter(({ id }) => !wasTried.has(id));
      const healthy = open.filter(({ id }) => !isOut.has(id));
      const weighted = healthy.filter(({ weight = 1 }) => weight > 0);
      expect(picked === undefined).toBe(open.length === 0);
      const best = weighted.length > 0 ? weighted : healthy.length > 0 ? healthy : open;
      if (picked !== undefined) expect(best).toContain(picked);
    }),
    { numRuns: 2_000 },
  );
});

test('P49 picks a least busy one of equals', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 10 }), fc.integer(), (busy, seed) => {
      const targets = targetsOf(busy.map(() => 1));
      const counts = new Map(targets.map(({ id }, index) => [id, busy[index] ?? 0]));
      const picked = balancer({ seed, busy: counts }).pick(targets, new Set());
      expect(counts.get(picked?.id ?? '')).toBe(Math.min(...busy));
    }),
  );
});

test.each([[[1, 1]], [[1, 1, 1, 1, 1]], [[9, 1]], [[80, 20, 0]], [[0.5, 0.5, 1]], [[1, 2, 3, 4]]])(
  'P49 shares requests among idle targets of weights %p by weight',
  (weights) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const shares = sharesOf(weights, 7, 20_000);
    // Five standard deviations of the widest share are 0.018.
    for (const [index, weight] of weights.entries())
      expect(Math.abs((shares[index] ?? 0) - weight / total)).toBeLessThan(0.018);
  },
);

test('P49 keeps to the weights while requests are in flight', () => {
  const targets = targetsOf([9, 1]);
  const flying: string[] = [];
  const random = randomFrom(3);
  const picker = new Balancer({
    ledger: { count: (id) => flying.filter((one) => one === id).length },
    ejections: { isOut: () => false },
    random,
  });
  let canary = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const id = picker.pick(targets, new Set())?.id ?? '';
    if (id === 't1') canary += 1;
    flying.push(id);
    // All take equally long, and twenty are under way at any time.
    if (flying.length > 20) flying.splice(Math.floor(random() * flying.length), 1);
  }
  expect(canary / 20_000).toBeGreaterThan(0.07);
  expect(canary / 20_000).toBeLessThan(0.13);
});

const clocked = (): { ejections: Ejections; pass: (ms: number) => void } => {
  let now = 1_000;
  return {
    ejections: new Ejections(defaultEjection, () => now),
    pass: (ms) => {
      now += ms;
    },
  };
};

test('P49 takes a target out after three failures in a row, for longer each time, with one request as a trial', () => {
  const { ejections, pass } = clocked();
  expect([ejections.failed('a'), ejections.failed('a'), ejections.isOut('a')]).toEqual([undefined, undefined, false]);
  expect([ejections.failed('a'), ejections.isOut('a'), ejections.isOut('b')]).toEqual([5_000, true, false]);
  // Requests from before say nothing new.
  expect(ejections.failed('a')).toBeUndefined();
  for (const outMs of [10_000, 20_000, 40_000, 60_000, 60_000]) {
    pass(60_000);
    expect(ejections.isOut('a')).toBe(false);
    ejections.chosen('a');
    expect(ejections.isOut('a')).toBe(true);
    expect(ejections.failed('a')).toBe(outMs);
    pass(outMs - 1);
    expect(ejections.isOut('a')).toBe(true);
  }
  pass(1);
  ejections.chosen('a');
  ejections.reached('a');
  expect(ejections.isOut('a')).toBe(false);
  expect(ejections.failed('a')).toBeUndefined();
});

test('P49 forgets failures when a connection succeeds in between', () => {
  const { ejections } = clocked();
  for (let i = 0; i < 10; i += 1) {
    expect([ejections.failed('a'), ejections.failed('a')]).toEqual([undefined, undefined]);
    ejections.reached('a');
  }
});

test('P49 lets a trial whose client left be followed by another one', () => {
  const { ejections, pass } = clocked();
  for (let i = 0; i < 3; i += 1) ejections.failed('a');
  pass(5_000);
  ejections.chosen('a');
  pass(4_999);
  expect(ejections.isOut('a')).toBe(true);
  pass(1);
  expect(ejections.isOut('a')).toBe(false);
});
