import { run } from '@orca/tooling-testbed';

export interface Load {
  readonly requests: number;
  readonly perSecond: number;
  readonly p99Ms: number | undefined;
  readonly errors: number;
}

interface Asked {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
}

const host = 'app.test';

/** HTTP/1.1 requests over kept-alive connections. */
export const loadHttp1 = async ({ url, seconds, connections }: Asked): Promise<Load> => {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-H', `Host: ${host}`, url];
  const { stdout, stderr } = await run('wrk', args, { timeoutMs: (seconds + 20) * 1000 });
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  if (!(requests > 0)) throw new Error(`wrk got nothing from ${url}: ${stdout}${stderr}`);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  const statuses = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  return {
    requests,
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    p99Ms: milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(stdout)),
    errors: statuses + sockets.reduce((sum, count) => sum + Number(count), 0),
  };
};

/** HTTP/2 requests: as many at once, over eight connections. */
export const loadHttp2 = async ({ url, seconds, connections }: Asked): Promise<Load> => {
  const { port } = new URL(url);
  const at = 8;
  const args = [`-c${at}`, `-m${connections / at}`, '-t1', `-D${seconds}`, `--connect-to=127.0.0.1:${port}`];
  const named = url.replace('localhost', host);
  const { stdout, stderr } = await run('h2load', [...args, named], { timeoutMs: (seconds + 20) * 1000 });
  const done = /requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored/.exec(
    stdout,
  );
  const requests = Number(done?.[2]);
  if (!(requests > 0)) throw new Error(`h2load got nothing from ${url}: ${stdout}${stderr}`);
  return {
    requests,
    perSecond: Number(/finished in [\d.]+m?s, ([\d.]+) req\/s/.exec(stdout)?.[1]),
    p99Ms: undefined,
    errors: Number(done?.[3]) + Number(done?.[4]),
  };
};

const milliseconds = (match: RegExpExecArray | null): number | undefined => {
  if (match === null) return undefined;
  const factor = { us: 0.001, ms: 1, s: 1000 }[match[2] ?? ''] ?? Number.NaN;
  return Number(match[1]) * factor;
};
