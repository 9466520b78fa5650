import { restartBackoffMs } from './health.ts';

/** Ends of an instance that nobody asked for, one soon after the other. */
export interface CrashHistory {
  readonly count: number;
  /** When the last one was; milliseconds of a monotonic clock. */
  readonly lastAt: number;
  /** How the last one came about, in words. */
  readonly reason: string;
}

export interface Crash {
  readonly at: number;
  /** How long it had run. */
  readonly ranMs: number;
  readonly reason: string;
}

/** Whoever ran for so long is forgiven what was before; rests do not count. */
const forgivenAfterMs = 10 * 60_000;
/** So many crashes are left to the engine, which starts it again at once; from the next one on it has to rest. */
const tolerated = 3;

export const foldCrash = (before: CrashHistory | undefined, { at, ranMs, reason }: Crash): CrashHistory => ({
  count: ranMs >= forgivenAfterMs ? 1 : (before?.count ?? 0) + 1,
  lastAt: at,
  reason,
});

/** Until when it has to rest: 10, 20, 40 … 300 s after the fourth, fifth, sixth … crash in a row. */
export const restsUntil = ({ count, lastAt }: CrashHistory): number | undefined =>
  count <= tolerated ? undefined : lastAt + restartBackoffMs(count - tolerated);

/**
 * Whether whoever runs it should be kept from starting it again by itself, given how long it
 * has been running now: its next crash is to be followed by a rest.
 */
export const isOnWatch = ({ count }: CrashHistory, runningMs: number): boolean =>
  count >= tolerated && runningMs < forgivenAfterMs;

/** Whether it still counts as crashing again and again, given how long it has been running now. */
export const isCrashLoop = ({ count }: CrashHistory, runningMs: number): boolean =>
  count > tolerated && runningMs < forgivenAfterMs;
