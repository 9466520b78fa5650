import type { Scenario } from '../scenario.ts';
import { f02 } from './f02-crash-points.ts';
import { f03 } from './f03-server-restart.ts';
import { f04 } from './f04-records-deleted.ts';

/** All scenarios, in the order of their numbers. */
export const scenarios: readonly Scenario[] = [
  // One line each.
  f02,
  f03,
  f04,
];
