import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineWatch } from './engine-watch.ts';

/** What backoff owes: 10 s, 20 s, 40 s … up to 300 s. */
export const owedPauseMs = (index: number): number => Math.min(300_000, 10_000 * 2 ** index);

/** Backoffs carry jitter of a quarter, so that services that fail together do not come back together. */
export const jitter = 0.25;

/**
 * Waits until a service has been started anew `count` times after the first, and gives the times between
 * starts after the first restart: [restart 1 to 2, 2 to 3 …]. Fewer when they did not come within `timeoutMs`.
 */
export const watchPauses = async (
  watch: EngineWatch,
  service: string,
  o: { readonly sinceMs: number; readonly count: number; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<readonly number[]> => {
  const restarts = (): readonly number[] =>
    watch
      .events('start', service)
      .map((e) => e.atMs)
      .filter((at) => at > o.sinceMs);
  const deadline = performance.now() + o.timeoutMs;
  while (restarts().length <= o.count && performance.now() < deadline) {
    o.signal.throwIfAborted();
    await sleep(500);
  }
  const seen = restarts();
  return seen.slice(1).map((at, index) => at - (seen[index] ?? at));
};

/** All that the backoff owes for so many pauses, with time to notice each failure. */
export const patienceMs = (count: number, noticeMs: number): number => {
  const owed = Array.from({ length: count }, (_, index) => owedPauseMs(index) * (1 + jitter) + noticeMs);
  return owed.reduce((sum, ms) => sum + ms, noticeMs);
};
