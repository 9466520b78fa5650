import type { Scenario } from '../scenario.ts';

/** All scenarios, in the order of their numbers. */
export const scenarios: readonly Scenario[] = [];
