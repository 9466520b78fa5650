import { describe, expect, test } from '@jest/globals';
import { createLimiter } from '../src/limiter.ts';

describe('A14: how many hosts are worked on at once', () => {
  test('never more than the limit, in the order in which they came, also after failures', async () => {
    const limit = createLimiter(3);
    const begun: number[] = [];
    let running = 0;
    let most = 0;
    const all = Array.from({ length: 20 }, (_, i) =>
      limit(async () => {
        begun.push(i);
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        if (i % 4 === 0) throw new Error('no');
        return i;
      }),
    );
    const ended = await Promise.allSettled(all);
    expect(most).toBe(3);
    expect(begun).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(ended.filter(({ status }) => status === 'rejected')).toHaveLength(5);
    expect(await limit(() => Promise.resolve('free again'))).toBe('free again');
  });
});
