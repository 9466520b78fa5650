/**
 * How Node is started for a worker (docs/decisions/057): left alone, V8 lets the space for new objects grow to many
 * times what is alive, in every worker.
 */
export const workerArgs: readonly string[] = ['--max-semi-space-size=8'];
