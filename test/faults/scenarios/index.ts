import type { Scenario } from '../scenario.ts';
import { startFirst } from './f14-start-first.ts';

/** All scenarios, in the order of their numbers. */
export const scenarios: readonly Scenario[] = [startFirst];
