import type { DeployPolicy } from './model.ts';
import { integer, oneOf, seconds } from './read.ts';
import { later, optional, readTable, type Read, withDefault } from './table.ts';
import { isTable } from './toml.ts';

/** `[service.deploy]` */
export const deployPolicy: Read<DeployPolicy> = (value, at) => {
  if (!isTable(value)) return at.error('must be a table: write [service.deploy]');
  const read = readTable({ title: '[service.deploy]', keys: DEPLOY }, value, at);
  return {
    strategy: read.strategy,
    order: read.order,
    minHealthyMs: read.min_healthy_secs,
    healthyDeadlineMs: read.healthy_deadline_secs,
    monitorMs: read.monitor_secs,
    drainMs: read.drain_secs,
    maxUnavailable: read.max_unavailable,
    canaryWeight: read.canary_weight,
  };
};

export const DEFAULT_DEPLOY: DeployPolicy = {
  strategy: 'rolling',
  order: undefined,
  minHealthyMs: 10_000,
  healthyDeadlineMs: 300_000,
  monitorMs: 5000,
  drainMs: 30_000,
  maxUnavailable: undefined,
  canaryWeight: undefined,
};

const strategy: Read<DeployPolicy['strategy']> = (value, at) => {
  const read = oneOf('rolling', 'blue-green', 'canary')(value, at);
  if (read !== undefined && read !== 'rolling') at.warn(`not supported yet: strategy = "${read}"; "rolling" is used`);
  return read;
};

const DEPLOY = {
  strategy: withDefault(strategy, DEFAULT_DEPLOY.strategy),
  order: optional(oneOf('start-first', 'stop-first')),
  min_healthy_secs: withDefault(seconds(0, 3600), DEFAULT_DEPLOY.minHealthyMs),
  healthy_deadline_secs: withDefault(seconds(1), DEFAULT_DEPLOY.healthyDeadlineMs),
  monitor_secs: withDefault(seconds(0, 3600), DEFAULT_DEPLOY.monitorMs),
  drain_secs: withDefault(seconds(0, 3600), DEFAULT_DEPLOY.drainMs),
  max_unavailable: later('max_unavailable; one instance is replaced at a time', optional(integer(1, 100))),
  canary_weight: later('canary_weight (canary deploys)', optional(integer(0, 100))),
};
