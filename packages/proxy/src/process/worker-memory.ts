/**
 * How Node is started for a worker, so that a thousand busy connections stay near 120 MiB (docs/decisions/057).
 * Without a small space for new objects, what is in flight is copied about and grows old, and the heap grows with it.
 */
export const workerArgs: readonly string[] = ['--max-semi-space-size=2'];

/** V8's own, for after the start: there an unknown one is complained of, here it would keep a worker from starting. */
export const workerFlags: readonly string[] = ['--heap-growing-percent=20'];

/** For glibc's malloc: few arenas, and what is large goes back to the system when it is free. */
export const workerEnv: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
};
