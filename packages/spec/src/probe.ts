import type { Probe } from './model.ts';
import { urlPath } from './names.ts';
import { integer, port, seconds } from './read.ts';
import { optional, readTable, required, type Read, withDefault } from './table.ts';
import { isTable } from './toml.ts';

/** A probe before the service's own port is known. */
export type WrittenProbe = Omit<Probe, 'port'> & { readonly port: number | undefined };

const INTERVAL_MS = 10_000;
const TIMEOUT_MS = 3000;
const FAILURES = 3;
const INITIAL_DELAY_MS = 5000;

export function writtenProbe(title: string): Read<WrittenProbe> {
  return (value, at) => {
    if (!isTable(value)) return at.error(`must be a table: write ${title}`);
    const read = readTable({ title, keys: PROBE }, value, at);
    if (read.path === undefined) return undefined;
    return {
      path: read.path,
      port: read.port,
      intervalMs: read.interval_secs,
      timeoutMs: read.timeout_secs,
      failureThreshold: read.failure_threshold,
      initialDelayMs: read.initial_delay_secs,
    };
  };
}

/** `health = "/path"`: the same check for readiness and liveness. */
export function shorthandProbe(path: string): WrittenProbe {
  return {
    path,
    port: undefined,
    intervalMs: INTERVAL_MS,
    timeoutMs: TIMEOUT_MS,
    failureThreshold: FAILURES,
    initialDelayMs: INITIAL_DELAY_MS,
  };
}

const PROBE = {
  path: required(urlPath),
  port: optional(port),
  interval_secs: withDefault(seconds(1), INTERVAL_MS),
  timeout_secs: withDefault(seconds(0.1, 600), TIMEOUT_MS),
  failure_threshold: withDefault(integer(1, 100), FAILURES),
  initial_delay_secs: withDefault(seconds(0), INITIAL_DELAY_MS),
};
