/** When an instance counts as unhealthy, and from when on that may be judged. */
export interface HealthPolicy {
  /** Consecutive failures that make it unhealthy. */
  readonly failureThreshold: number;
  /** Failures before this much time since its start are neutral; a success counts at once. */
  readonly initialDelayMs: number;
}

/** What the checks of one run of one instance have shown so far. */
export interface Health {
  /** Identity of the run: another start begins from nothing. */
  readonly run: string;
  readonly status: 'unknown' | 'healthy' | 'unhealthy';
  readonly failures: number;
  /** Why the last check failed. */
  readonly reason: string | undefined;
}

export interface Check {
  readonly run: string;
  readonly isOk: boolean;
  readonly reason: string | undefined;
  /** How long the instance has been running, in milliseconds. */
  readonly ageMs: number;
}

/**
 * Folds one check into what is known. Pure: it judges, and restarting is for others to
 * decide. Only consecutive failures count, and one success forgives them all.
 */
export const foldHealth = (before: Health | undefined, check: Check, policy: HealthPolicy): Health => {
  const known = before?.run === check.run ? before : undefined;
  if (check.isOk) return { run: check.run, status: 'healthy', failures: 0, reason: undefined };
  const fresh: Health = { run: check.run, status: 'unknown', failures: 0, reason: check.reason };
  // Slow starters: what has never been well may take its delay before anything is held against it.
  const isStarting = known?.status !== 'healthy' && (known?.failures ?? 0) === 0 && check.ageMs < policy.initialDelayMs;
  if (isStarting) return fresh;
  const failures = (known?.failures ?? 0) + 1;
  const status = failures >= policy.failureThreshold ? 'unhealthy' : (known?.status ?? 'unknown');
  return { run: check.run, status, failures, reason: check.reason };
};

const firstBackoffMs = 10_000;
const maxBackoffMs = 300_000;

/** How long to wait before the next restart after `restarts` of them: 10, 20, 40 … 300 s, as Kubernetes does. */
export const restartBackoffMs = (restarts: number): number =>
  restarts === 0 ? 0 : Math.min(maxBackoffMs, firstBackoffMs * 2 ** (restarts - 1));
