import { describe, expect, it } from '@jest/globals';
import { LoopStory } from './loop-sim.ts';

describe('the loop, simulated', () => {
  it('1, 3, 8, 9, 30: stays safe after every step and converges, through faults, lost answers, deaths, kills and changes of mind', async () => {
    const schedules = Number(process.env['ORCA_SIM_SCHEDULES'] ?? 1000);
    const first = Number(process.env['ORCA_SIM_SEED'] ?? 1);
    for (let seed = first; seed < first + schedules; seed += 1) {
      const story = new LoopStory(seed);
      await story.run();
      expect({ seed, violations: story.violations }).toEqual({ seed, violations: [] });
    }
  }, 3_600_000);
});
