/**
 * How Node is started for a worker (docs/decisions/057): left alone, V8 lets the space for new objects and that for
 * old ones grow to many times what is alive, in every worker.
 */
export const workerArgs: readonly string[] = ['--max-semi-space-size=4'];

/** V8's own, for after the start: there an unknown one is complained of, here it would keep a worker from starting. */
export const workerFlags: readonly string[] = ['--heap-growing-percent=50'];

/** For glibc's malloc: few arenas, and what is large goes back to the system when it is free. */
export const workerEnv: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
};
