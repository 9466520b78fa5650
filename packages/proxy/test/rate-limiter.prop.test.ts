import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RateLimiter } from '../src/rate-limiter.ts';

const limit = fc.record({
  requests: fc.integer({ min: 1, max: 50 }),
  perMs: fc.integer({ min: 1, max: 10_000 }),
  burst: fc.integer({ min: 1, max: 20 }),
});
const steps = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 200 });

test('P59 lets through no more than the burst and what the rate adds, in any stretch of time', () => {
  fc.assert(
    fc.property(limit, steps, (one, waits) => {
      const limiter = new RateLimiter(one);
      const passed: number[] = [];
      let now = 0;
      for (const wait of waits) {
        now += wait;
        if (limiter.take('a', now) === 0) passed.push(now);
      }
      for (const [first, begun] of passed.entries()) {
        for (const [last, ended] of passed.entries()) {
          if (last < first) continue;
          const most = one.burst + ((ended - begun) * one.requests) / one.perMs;
          expect(last - first + 1).toBeLessThanOrEqual(most + 1e-6);
        }
      }
    }),
  );
});

test('P59 says how long to wait, and lets through who waits that long and nobody sooner', () => {
  fc.assert(
    fc.property(limit, steps, (one, waits) => {
      const limiter = new RateLimiter(one);
      let now = 0;
      for (const wait of waits) {
        now += wait;
        const waitMs = limiter.take('a', now);
        if (waitMs === 0) continue;
        if (waitMs > 1) expect(limiter.take('a', now + waitMs - 1)).toBeGreaterThan(0);
        expect(limiter.take('a', now + waitMs)).toBe(0);
        now += waitMs;
      }
    }),
  );
});

test('P59 forgets nobody whose time has not passed, while there is room', () => {
  fc.assert(
    fc.property(
      limit,
      fc.array(fc.tuple(fc.nat(20), fc.integer({ min: 0, max: 200 })), { maxLength: 300 }),
      (one, asked) => {
        const all = new RateLimiter(one);
        const each = new Map<number, RateLimiter>();
        let now = 0;
        for (const [client, wait] of asked) {
          now += wait;
          const alone = each.get(client) ?? new RateLimiter(one);
          each.set(client, alone);
          expect(all.take(`client ${client}`, now)).toBe(alone.take('only', now));
        }
      },
    ),
  );
});
