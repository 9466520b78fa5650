import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer } from './routes.ts';
import { faultOf } from './wire-error.ts';

/** A client takes a longer silence for a dead connection. */
const heartbeatMs = 10_000;
/** A call that fails within this time still gets its own HTTP status. */
const headDelayMs = 500;

type StreamAnswer = Extract<Answer, { kind: 'stream' }>;

/**
 * Writes an answer as it is made, and returns when its source has ended: also when the caller
 * has gone, since what it asked for may take a moment to be wound up. A source that fails
 * before anything was sent throws here; later, the failure is the last line.
 */
export const streamAnswer = async (answer: StreamAnswer, begin: () => ServerResponse): Promise<void> => {
  const iterator = answer.chunks[Symbol.asyncIterator]();
  const first = iterator.next();
  await Promise.race([first, delay(headDelayMs, undefined, { ref: false })]);
  const out = begin();
  writeHead(out, answer.format);
  // A blank line means nothing in NDJSON; in plain text it would be one.
  const heart = answer.format === 'ndjson' ? setInterval(() => beat(out), heartbeatMs) : undefined;
  try {
    for (let next = await first; next.done !== true; next = await iterator.next()) await write(out, next.value);
    out.end();
  } catch (error) {
    endFailed(out, answer.format, error);
  } finally {
    clearInterval(heart);
  }
};

const writeHead = (out: ServerResponse, format: StreamAnswer['format']): void => {
  const type = format === 'ndjson' ? 'application/x-ndjson' : 'text/plain; charset=utf-8';
  out.writeHead(200, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  out.flushHeaders();
};

const beat = (out: ServerResponse): void => {
  if (!out.destroyed && !out.writableNeedDrain) out.write('\n');
};

const write = async (out: ServerResponse, chunk: string): Promise<void> => {
  if (out.destroyed || out.write(chunk)) return;
  const gone = new AbortController();
  try {
    const { signal } = gone;
    await Promise.race([once(out, 'drain', { signal }), once(out, 'close', { signal })]);
  } finally {
    gone.abort();
  }
};

const endFailed = (out: ServerResponse, format: StreamAnswer['format'], error: unknown): void => {
  if (out.destroyed) return;
  if (format === 'text') {
    // Plain text has no place for an error: a broken transfer is one that every client notices.
    out.destroy();
    return;
  }
  const { status, body } = faultOf(error);
  out.end(`${JSON.stringify({ ...body, status })}\n`);
};
