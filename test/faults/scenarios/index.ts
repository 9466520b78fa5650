import type { Scenario } from '../scenario.ts';
import { f01 } from './f01-random-kills.ts';
import { f02 } from './f02-crash-points.ts';
import { f03 } from './f03-server-restart.ts';
import { f04 } from './f04-records-deleted.ts';
import { f05 } from './f05-idle-passes.ts';
import { f06 } from './f06-lost-replies.ts';
import { f08 } from './f08-engine-kills.ts';
import { f10 } from './f10-event-stream.ts';
import { f11 } from './f11-drift.ts';
import { startFirst } from './f14-start-first.ts';
import { stopFirst } from './f15-stop-first.ts';
import { postgresql } from './f16-postgresql.ts';
import { badRevision } from './f17-bad-revisions.ts';
import { simulation } from './f21-simulation.ts';
import { dependencies } from './f22-dependencies.ts';
import { liveness } from './f23-liveness.ts';
import { crashes } from './f24-crashes.ts';
import { held } from './f25-held.ts';
import { promiseDisk } from './f26-promise-disk.ts';
import { recordsDisk } from './f26-records-disk.ts';
import { secretsDisk } from './f26-secrets-disk.ts';
import { proxyLives } from './f27-proxy-lives.ts';
import { secrets } from './f43-secrets.ts';

/** All scenarios, in the order of their numbers. */
export const scenarios: readonly Scenario[] = [
  f01,
  f02,
  f03,
  f04,
  f05,
  f06,
  f08,
  f10,
  f11,
  startFirst,
  stopFirst,
  postgresql,
  badRevision,
  simulation,
  dependencies,
  liveness,
  crashes,
  held,
  secretsDisk,
  recordsDisk,
  promiseDisk,
  proxyLives,
  secrets,
];
