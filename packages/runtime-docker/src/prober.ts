import { setTimeout as sleep } from 'node:timers/promises';
import type { ActionOf, Prober } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';
import { checkHttp, checkTcp, type CheckResult } from './check.ts';
import { RuntimeError } from './errors.ts';
import { exitWords, starvedWords } from './exit-words.ts';
import type { DockerRuntime } from './docker-runtime.ts';
import type { InstanceDetails } from './seen.ts';

export interface ProberOptions {
  readonly runtime: Pick<DockerRuntime, 'inspect'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Such as `orca-probe/1.2.3`: how a service's log tells these requests from others. */
  readonly userAgent: string;
}

/** Soon at first, because most services are ready at once, then ever more slowly. */
const firstPauseMs = 50;
const maxPauseMs = 1_000;
const tcpTimeoutMs = 2_000;
const exitLookMs = 250;

/**
 * Waits until an instance may serve. What counts, first match wins: its readiness probe, its
 * liveness probe, its port accepting connections, or running on for the monitor time.
 *
 * Asking begins at once, and a success counts at once, whatever `initial_delay_secs` says:
 * the delay keeps a slow starter from being judged unhealthy, not from being ready early.
 */
export const createProber = (o: ProberOptions): Prober<ServiceSpec> => ({
  async awaitReady(action, signal) {
    const begun = o.now();
    const { deploy } = action.spec;
    const deadline =
      begun + Math.max(deploy.healthyDeadlineMs, (action.spec.readiness ?? action.spec.liveness)?.initialDelayMs ?? 0);
    const first = await look(o, action);
    let last: CheckResult = { isOk: false, reason: 'was not asked yet' };
    let wellSince: number | undefined;
    let seen = first;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(maxPauseMs, pauseMs * 1.5)) {
      signal.throwIfAborted();
      mustStillRun(action, first, seen);
      last = await checkWhileRunning(o, action, first, seen);
      const now = o.now();
      wellSince = last.isOk ? (wellSince ?? now) : undefined;
      if (wellSince !== undefined && now - wellSince >= neededMs(action)) return;
      if (now > deadline) throw notReady(action, (now - begun) / 1000, last);
      await sleep(pauseMs, undefined, { signal });
      seen = await look(o, action);
    }
  },
});

/** An address of a container that has ended does not refuse, it falls silent: look at the container meanwhile. */
const checkWhileRunning = async (
  o: ProberOptions,
  action: ActionOf<ServiceSpec, 'awaitReady'>,
  first: InstanceDetails,
  seen: InstanceDetails,
): Promise<CheckResult> => {
  const over = new AbortController();
  const watch = async (): Promise<never> => {
    for (;;) {
      await sleep(exitLookMs, undefined, { signal: over.signal });
      mustStillRun(action, first, await look(o, action));
    }
  };
  const watching = watch();
  // Ends by being aborted, which is no news, or by the end of the container, which the race tells.
  watching.catch(() => undefined);
  try {
    return await Promise.race([check(o, action.spec, seen), watching]);
  } finally {
    over.abort();
  }
};

/** How long it must be well: a replacement proves itself, a first instance has nothing to protect. */
const neededMs = ({ spec, isReplacement }: ActionOf<ServiceSpec, 'awaitReady'>): number => {
  const isAsked = (spec.readiness ?? spec.liveness) !== undefined || spec.port !== undefined;
  if (!isAsked) return spec.deploy.monitorMs;
  return isReplacement ? spec.deploy.minHealthyMs : 0;
};

const look = async (
  { runtime }: ProberOptions,
  { key, spec }: ActionOf<ServiceSpec, 'awaitReady'>,
): Promise<InstanceDetails> => {
  const seen = await runtime.inspect(key);
  if (seen !== undefined) return seen;
  throw new RuntimeError('ORCA_RUNTIME_EXITED', `${spec.name}: its container was removed while it was starting`, {
    retryable: false,
  });
};

/** An end, or a restart by the engine, is an answer: no need to wait for the deadline. */
const mustStillRun = (
  { spec }: ActionOf<ServiceSpec, 'awaitReady'>,
  first: InstanceDetails,
  seen: InstanceDetails,
): void => {
  const isSameRun = seen.startedAt === first.startedAt && seen.restartCount === first.restartCount;
  if (seen.status === 'running' && !seen.restarting && isSameRun) return;
  if (seen.oomKilled) {
    const why = `${spec.name}: ${starvedWords(seen.memoryLimit)} while starting`;
    throw new RuntimeError('ORCA_RUNTIME_EXITED', why, { retryable: false });
  }
  const how =
    seen.status === 'running'
      ? 'was restarted'
      : seen.exitCode === undefined
        ? `is ${seen.status}`
        : `exited with ${exitWords(seen.exitCode)}`;
  throw new RuntimeError('ORCA_RUNTIME_EXITED', `${spec.name}: ${how} before it became ready`, { retryable: false });
};

const check = async ({ userAgent }: ProberOptions, spec: ServiceSpec, seen: InstanceDetails): Promise<CheckResult> => {
  const probe = spec.readiness ?? spec.liveness;
  if (probe === undefined && spec.port === undefined) return { isOk: true, reason: undefined };
  if (seen.address === undefined) return { isOk: false, reason: 'has no address on its network yet' };
  if (probe !== undefined) return checkHttp(seen.address, probe, userAgent);
  return spec.port === undefined ? { isOk: true, reason: undefined } : checkTcp(seen.address, spec.port, tcpTimeoutMs);
};

const notReady = ({ spec }: ActionOf<ServiceSpec, 'awaitReady'>, seconds: number, last: CheckResult): RuntimeError =>
  new RuntimeError(
    'ORCA_RUNTIME_NOT_READY',
    `${spec.name}: not ready within ${seconds.toFixed(0)} s: ${last.reason ?? 'did not stay healthy long enough'}`,
    { retryable: false },
  );
