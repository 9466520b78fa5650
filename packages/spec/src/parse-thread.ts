import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { fileIssue } from './infra-files.ts';
import type { InfraReading } from './model.ts';
import { filesOf, type ParseRequest } from './parse-infra.ts';

/** Parses away from the caller's event loop, so that a hostile file costs a thread and not the server. */
export interface ParseThread {
  parse(request: ParseRequest): Promise<InfraReading>;
}

/** What the thread may work for one request. Together with its start this stays below two seconds; an honest infra takes a few milliseconds. */
const MOST_WORK_MS = 1500;
const MOST_HEAP_MB = 512;
/** Where V8 stops a thread by itself it may end the whole process: further than one gets before it has worked for too long. */
const LAST_HEAP_MB = 1536;
const LOOK_EVERY_MS = 50;
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './spec-worker.ts' : './spec-worker.js', import.meta.url);

interface Running {
  readonly worker: Worker;
  readonly progress: Int32Array;
}
interface Failure {
  readonly reason: string;
}

/** One thread, started when first needed, kept warm between requests, replaced after it had to be ended. */
export function createParseThread(mostWorkMs: number = MOST_WORK_MS): ParseThread {
  let running: Promise<Running> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const parseNow = async (request: ParseRequest): Promise<InfraReading> => {
    running ??= start();
    const { worker, progress } = await running.catch((error: unknown) => {
      running = undefined;
      throw error;
    });
    const reply = await ask(worker, request, mostWorkMs);
    if ('ok' in reply) return reply;
    running = undefined;
    await worker.terminate();
    const file = filesOf(request)[Atomics.load(progress, 0)]?.path ?? '';
    const issues = [fileIssue(file, `${reply.reason}; is it really a config file?`)];
    return { ok: false, issues, uses: [], needed: [] };
  };
  return {
    parse: async (request) => {
      // One at a time: `progress` and the limits belong to one request.
      const turn = last.then(async () => await parseNow(request));
      last = turn.catch(() => {
        // The caller of that request has been told.
      });
      return await turn;
    },
  };
}

async function start(): Promise<Running> {
  const shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const worker = new Worker(ENTRY, { workerData: shared, resourceLimits: { maxOldGenerationSizeMb: LAST_HEAP_MB } });
  await once(worker, 'message');
  // Idle, it must not keep a finished program alive.
  worker.unref();
  return { worker, progress: new Int32Array(shared) };
}

async function ask(worker: Worker, request: ParseRequest, mostWorkMs: number): Promise<InfraReading | Failure> {
  const done = new AbortController();
  worker.ref();
  try {
    const before = await worker.cpuUsage();
    return await new Promise<InfraReading | Failure>((resolve) => {
      const died = (why: string): void => resolve({ reason: `cannot be read: ${why}` });
      worker.once('message', (reply: InfraReading) => resolve(reply));
      worker.once('error', (error: Error) => died(error.message));
      worker.once('exit', (code) => died(`its reader ended with code ${code}`));
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
      worker.postMessage(request);
      watch({ worker, before, mostWorkMs, signal: done.signal }).then(resolve, () => {
        // It has answered, or its end is told.
      });
    });
  } finally {
    done.abort();
    for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
    // Without a listener a late error would end the whole program.
    worker.on('error', () => {});
    worker.unref();
  }
}

interface Watched {
  readonly worker: Worker;
  readonly before: NodeJS.CpuUsage;
  readonly mostWorkMs: number;
  readonly signal: AbortSignal;
}

/**
 * Resolves when the thread needs more than it may. Its work is told by its own clock: on a machine
 * with other work, or one that stood still, an honest file takes as long as it takes.
 */
async function watch({ worker, before, mostWorkMs, signal }: Watched): Promise<Failure> {
  for (;;) {
    await sleep(LOOK_EVERY_MS, undefined, { signal });
    const { user, system } = await worker.cpuUsage(before);
    if ((user + system) / 1000 > mostWorkMs) return { reason: `takes longer than ${mostWorkMs} ms to read` };
    const { used_heap_size: heapBytes } = await worker.getHeapStatistics();
    if (heapBytes > MOST_HEAP_MB * 1024 ** 2) return { reason: `takes more than ${MOST_HEAP_MB} MB to read` };
  }
}
