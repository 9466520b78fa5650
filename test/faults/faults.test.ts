import { describe, expect, it } from '@jest/globals';
import { scenarios } from './scenarios/index.ts';

/** Far beyond what any short form takes: a scenario has deadlines of its own and says what it waited for. */
const timeoutMs = 900_000;

describe('orca survives', () => {
  for (const scenario of scenarios.filter((s) => s.inCi)) {
    it(
      `${scenario.id}: ${scenario.title}`,
      async () => {
        const lines: string[] = [];
        const { figures, violations } = await scenario.run({
          count: scenario.counts.short,
          seed: 1,
          log: (line) => lines.push(line),
          signal: AbortSignal.timeout(timeoutMs),
        });
        expect({ violations, lines: violations.length === 0 ? [] : lines }).toEqual({ violations: [], lines: [] });
        expect(figures).not.toEqual([]);
      },
      timeoutMs,
    );
  }
});
