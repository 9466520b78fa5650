import { restartBackoffMs } from './health.ts';

/** Ends of an instance that nobody asked for, as far as they still count. */
export interface CrashHistory {
  /** When each was, oldest first; milliseconds of a monotonic clock. */
  readonly at: readonly number[];
  /** How the last one came about, in words. */
  readonly reason: string;
}

/** A crash this long ago is forgiven. */
const windowMs = 10 * 60_000;
/** So many crashes are left to the engine, which starts it again at once; from the next one on it has to rest. */
const tolerated = 3;

/** Adds one crash, and forgets those that are long ago. */
export const foldCrash = (before: CrashHistory | undefined, at: number, reason: string): CrashHistory => ({
  at: [...(before?.at ?? []).filter((earlier) => at - earlier < windowMs), at],
  reason,
});

/** Until when it has to rest: 10, 20, 40 … 300 s after the fourth, fifth, sixth … crash of ten minutes. */
export const restsUntil = ({ at }: CrashHistory): number | undefined => {
  const last = at.at(-1);
  const excess = at.length - tolerated;
  return last === undefined || excess <= 0 ? undefined : last + restartBackoffMs(excess);
};

/** Whether the history still says that it crashes again and again. */
export const isCrashLoop = ({ at }: CrashHistory, now: number): boolean =>
  at.filter((earlier) => now - earlier < windowMs).length > tolerated;
