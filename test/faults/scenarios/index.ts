import type { Scenario } from '../scenario.ts';
import { startFirst } from './f14-start-first.ts';
import { stopFirst } from './f15-stop-first.ts';
import { postgresql } from './f16-postgresql.ts';

/** All scenarios, in the order of their numbers. */
export const scenarios: readonly Scenario[] = [startFirst, stopFirst, postgresql];
