import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { fileIssue } from './infra-files.ts';
import type { InfraReading } from './model.ts';
import { filesOf, type ParseRequest } from './parse-infra.ts';

/** Parses away from the caller's event loop, so that a hostile file costs a thread and not the server. */
export interface ParseThread {
  parse(request: ParseRequest): Promise<InfraReading>;
}

/** Together with the start of a thread this stays below two seconds; an honest infra takes a few milliseconds. */
const DEADLINE_MS = 1500;
const MAX_HEAP_MB = 256;
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './spec-worker.ts' : './spec-worker.js', import.meta.url);

interface Running {
  readonly worker: Worker;
  readonly progress: Int32Array;
}
type Reply = InfraReading | 'late' | { readonly died: string };

/** One thread, started when first needed, kept warm between requests, replaced after it had to be ended. */
export function createParseThread(deadlineMs: number = DEADLINE_MS): ParseThread {
  let running: Promise<Running> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const parseNow = async (request: ParseRequest): Promise<InfraReading> => {
    running ??= start();
    const { worker, progress } = await running.catch((error: unknown) => {
      running = undefined;
      throw error;
    });
    const reply = await ask(worker, request, deadlineMs);
    if (typeof reply === 'object' && 'ok' in reply) return reply;
    running = undefined;
    await worker.terminate();
    const file = filesOf(request)[Atomics.load(progress, 0)]?.path ?? '';
    const reason = reply === 'late' ? `takes longer than ${deadlineMs} ms to read` : `cannot be read: ${reply.died}`;
    const issues = [fileIssue(file, `${reason}; is it really a config file?`)];
    return { ok: false, issues, uses: [], needed: [] };
  };
  return {
    parse: async (request) => {
      // One at a time: `progress` and the deadline belong to one request.
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
  const worker = new Worker(ENTRY, { workerData: shared, resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } });
  await once(worker, 'message');
  // Idle, it must not keep a finished program alive.
  worker.unref();
  return { worker, progress: new Int32Array(shared) };
}

async function ask(worker: Worker, request: ParseRequest, deadlineMs: number): Promise<Reply> {
  const done = new AbortController();
  worker.ref();
  try {
    return await new Promise<Reply>((resolve) => {
      const timer = setTimeout(() => resolve('late'), deadlineMs);
      done.signal.addEventListener('abort', () => clearTimeout(timer));
      worker.once('message', (reply: InfraReading) => resolve(reply));
      worker.once('error', (error: Error) => resolve({ died: error.message }));
      worker.once('exit', (code) => resolve({ died: `its reader ended with code ${code}` }));
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
      worker.postMessage(request);
    });
  } finally {
    done.abort();
    for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
    // Without a listener a late error would end the whole program.
    worker.on('error', () => {});
    worker.unref();
  }
}
