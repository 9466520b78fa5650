/* oxlint-disable unicorn/require-post-message-target-origin -- threads have no origin */
import { parentPort, workerData } from 'node:worker_threads';
import { filesOf, parseInfra, type ParseRequest } from './parse-infra.ts';

/** Index of the file being read, in shared memory so that it can still be seen when this thread hangs. */
const progress = new Int32Array(workerData);

parentPort?.on('message', (request: ParseRequest) => {
  const files = filesOf(request);
  const parsed = parseInfra(request, (file) => Atomics.store(progress, 0, files.indexOf(file)));
  parentPort?.postMessage(parsed);
});
parentPort?.postMessage('ready');
