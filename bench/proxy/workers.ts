import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { loadHttp1 } from './load.ts';
import type { Place } from './peers.ts';
import { cpuSeconds } from './usage.ts';

/** Load and origin want a core each, or the second worker has none. */
const coresWanted = 4;
const goal = 1.8;

/** What a second worker adds: requests a second of two over those of one, as orca runs them. */
export const measureWorkers = async (place: Place, seconds: number): Promise<string> => {
  const [one, two] = [await measurePool(place, 1, seconds), await measurePool(place, 2, seconds)];
  const ratio = two.perSecond / one.perSecond;
  const cores = availableParallelism();
  const verdict =
    cores < coresWanted ? `not judged: ${cores} cores, ${coresWanted} wanted` : ratio >= goal ? 'met' : 'MISSED';
  const line = (what: string, { perSecond, microseconds }: Pooled): string =>
    `  ${what.padEnd(12)}${perSecond.toFixed(0).padStart(8)} req/s${microseconds.toFixed(1).padStart(7)} µs CPU a request`;
  return [
    'HTTP, 1 KiB, 64 connections, orca with its supervisor',
    line('one worker', one),
    line('two workers', two),
    `  goal: two workers at least ${goal} of one's requests a second: ${ratio.toFixed(2)}, ${verdict}`,
  ].join('\n');
};

interface Pooled {
  readonly perSecond: number;
  readonly microseconds: number;
}

const measurePool = async (place: Place, workers: number, seconds: number): Promise<Pooled> => {
  // Only now is it built.
  const { attachProxy } = await import('@orca/proxy/process');
  const dir = join(place.dir, `pool-${workers}`);
  mkdirSync(dir, { mode: 0o700 });
  const proxy = await attachProxy({
    dir,
    config: { http: { host: '127.0.0.1', port: 0 }, workers },
    log: { info: () => {}, error: () => {} },
  });
  try {
    const targets = [{ id: 'origin', host: '127.0.0.1', port: place.originPort }];
    await proxy.replace({ table: { routes: [{ host: 'app.test', pathPrefix: '/', stripPrefix: false, targets }] } });
    const asked = { url: `http://127.0.0.1:${proxy.address.port}/1k`, connections: 64 };
    await loadHttp1({ ...asked, seconds: 2 * seconds });
    const before = cpuSeconds(proxy.pid);
    const { requests, perSecond } = await loadHttp1({ ...asked, seconds });
    return { perSecond, microseconds: ((cpuSeconds(proxy.pid) - before) / requests) * 1e6 };
  } finally {
    await proxy.stop(0);
  }
};
