import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestbedError } from './errors.ts';

export interface TempDir extends AsyncDisposable {
  readonly path: string;
  remove(): Promise<void>;
}

/** A fresh directory. `await using dir = await tempDir()` removes it at the end of the block. */
export async function tempDir(prefix = 'orca-test-'): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 3 });
  return { path, remove, [Symbol.asyncDispose]: remove };
}

/** Below those that systems give to connections that go out (Linux: from 32768), and above what usually listens. */
const lowestPort = 20_000;
const portCount = 10_000;
const mostTries = 100;
const given = new Set<number>();

/**
 * A TCP port that nobody listens on now, on any address, and that no connection which goes out can
 * be given meanwhile. At random, so that two processes that ask at once do not mean the same one.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const port = lowestPort + randomInt(portCount);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new TestbedError('ORCA_TESTBED_TIMEOUT', `found no free port from ${lowestPort} on in ${mostTries} tries`);
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });

export interface WaitOptions {
  /** Ends the sentence "waited 10 s for …". */
  readonly what: string;
  readonly timeoutMs: number;
  readonly everyMs?: number;
}

/** Asks again and again until the answer is neither `undefined` nor `false`, and returns it; throws after the deadline. */
export async function waitFor<T>(
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  options: WaitOptions,
): Promise<T> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() >= deadline) {
      throw new TestbedError('ORCA_TESTBED_TIMEOUT', `waited ${options.timeoutMs / 1000} s for ${options.what}`);
    }
    await sleep(options.everyMs ?? 100);
  }
}
