import type { Scenario } from '../scenario.ts';
import { startFirst } from './f14-start-first.ts';
import { stopFirst } from './f15-stop-first.ts';
import { postgresql } from './f16-postgresql.ts';
import { badRevision } from './f17-bad-revisions.ts';
import { simulation } from './f21-simulation.ts';
import { dependencies } from './f22-dependencies.ts';
import { liveness } from './f23-liveness.ts';
import { crashes } from './f24-crashes.ts';

/** All scenarios, in the order of their numbers. */
export const scenarios: readonly Scenario[] = [
  startFirst,
  stopFirst,
  postgresql,
  badRevision,
  simulation,
  dependencies,
  liveness,
  crashes,
];
