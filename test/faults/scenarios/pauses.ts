import type { EngineWatch } from './engine-watch.ts';

/** What backoff owes: 10 s, 20 s, 40 s … up to 300 s. */
export const owedPauseMs = (index: number): number => Math.min(300_000, 10_000 * 2 ** index);

/** Backoffs carry jitter of a quarter, so that services that fail together do not come back together. */
export const jitter = 0.25;

/** All that the backoff owes for so many pauses, with `extraMs` around each for what else goes on. */
export const patienceMs = (count: number, extraMs: number): number => {
  const owed = Array.from({ length: count }, (_, index) => owedPauseMs(index) * (1 + jitter) + extraMs);
  return owed.reduce((sum, ms) => sum + ms, extraMs);
};

/** Times between the starts of a service since then. */
export const startsApart = (watch: EngineWatch, service: string, sinceMs: number): readonly number[] => {
  const starts = watch.events('start', service).filter(({ atMs }) => atMs > sinceMs);
  return starts.slice(1).map(({ atMs }, index) => atMs - (starts[index]?.atMs ?? atMs));
};

/** One life of a container, from its start to its end. */
export interface Run {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The runs of a service that are over, in their order. */
export const runsOf = (watch: EngineWatch, service: string): readonly Run[] => {
  const ends = watch.events('die', service);
  return watch.events('start', service).flatMap((start) => {
    const end = ends.find(({ atMs }) => atMs > start.atMs);
    return end === undefined ? [] : [{ fromMs: start.atMs, toMs: end.atMs }];
  });
};
