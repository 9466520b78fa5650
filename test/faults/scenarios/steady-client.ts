import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from './findings.ts';

export interface Load {
  readonly requests: number;
  /** When in the run, what kind, and what went wrong. */
  readonly failures: readonly string[];
  readonly p99Ms: number;
  /** The longest time between two good answers. */
  readonly worstGapMs: number;
}

export interface SteadyClient {
  /** Waits for what is under way. */
  stop(): Promise<Load>;
}

interface Kind {
  readonly name: string;
  readonly isFresh: boolean;
  readonly body: string | undefined;
}

const kinds: readonly Kind[] = [
  { name: 'kept GET', isFresh: false, body: undefined },
  { name: 'fresh GET', isFresh: true, body: undefined },
  { name: 'kept POST', isFresh: false, body: 'kept: a small body' },
  { name: 'fresh POST', isFresh: true, body: 'fresh: a small body' },
];
/** Held requests wait for an update; on a machine with other work that takes long. */
const patienceMs = 120_000;

/**
 * Asks the test app behind the proxy at a steady pace, whatever the answers do: one that is late does not
 * delay the next, as with many users. Stops by itself after an hour.
 */
export const steadyClient = (o: {
  readonly port: number;
  readonly host: string;
  readonly perSecond: number;
}): SteadyClient => {
  const kept = new Agent({ keepAlive: true });
  const begun = performance.now();
  const failures: string[] = [];
  const times: number[] = [];
  const goodAt: number[] = [];
  let isOver = false;
  let requests = 0;

  const one = async (kind: Kind): Promise<void> => {
    const at = performance.now();
    const { status, body } = await ask(o, kind, kept).catch((error: unknown) => ({ status: 0, body: String(error) }));
    const now = performance.now();
    times.push(now - at);
    if (status === 200 && (kind.body === undefined || kind.body === body)) goodAt.push(now);
    else failures.push(`${((at - begun) / 1000).toFixed(2)} s, ${kind.name}: ${status} ${body.slice(0, 120)}`);
  };
  const loop = async (): Promise<void> => {
    const running: Promise<void>[] = [];
    while (!isOver && requests < 3600 * o.perSecond) {
      const kind = kinds[requests % kinds.length];
      if (kind !== undefined) running.push(one(kind));
      requests += 1;
      await sleep(Math.max(0, begun + (requests * 1000) / o.perSecond - performance.now()));
    }
    await Promise.all(running);
  };
  const looping = loop();
  return {
    async stop() {
      isOver = true;
      await looping;
      kept.destroy();
      const sorted = goodAt.toSorted((a, b) => a - b);
      const gaps = sorted.slice(1).map((at, index) => at - (sorted[index] ?? at));
      return { requests, failures, p99Ms: percentile(times, 0.99), worstGapMs: Math.max(0, ...gaps) };
    },
  };
};

interface Answer {
  readonly status: number;
  readonly body: string;
}

const ask = (
  { port, host }: { readonly port: number; readonly host: string },
  kind: Kind,
  kept: Agent,
): Promise<Answer> =>
  new Promise((done, fail) => {
    const req = request(
      {
        host: '127.0.0.1',
        port,
        path: kind.body === undefined ? '/version' : '/cgi-bin/echo',
        method: kind.body === undefined ? 'GET' : 'POST',
        headers: { host, ...(kind.body === undefined ? {} : { 'content-length': kind.body.length }) },
        agent: kind.isFresh ? false : kept,
        signal: AbortSignal.timeout(patienceMs),
      },
      (res) => {
        let body = '';
        res.on('data', (chunk: Buffer) => (body += chunk.toString()));
        res.on('end', () => done({ status: res.statusCode ?? 0, body }));
        res.on('error', fail);
      },
    );
    req.on('error', fail);
    req.end(kind.body);
  });

export const describeLoad = ({ requests, failures, p99Ms, worstGapMs }: Load): string =>
  `${requests} requests, ${failures.length} failed, p99 ${p99Ms.toFixed(0)} ms, worst gap ${worstGapMs.toFixed(0)} ms`;
