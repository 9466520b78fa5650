import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@orca/tooling-testbed';
import { launch, type Peer, type Place } from './peers.ts';

/**
 * Orca as it runs on a server: a supervisor and one worker, of what is published, since reading the sources
 * would cost memory and a while that no user pays. `ORCA_BENCH_NODE_ARGS` is for both processes.
 */
export const startOrca = async (place: Place): Promise<Peer> => {
  // Only now is it built.
  const { attachProxy, ownProgram } = await import('@orca/proxy/process');
  const dir = join(place.dir, 'orca');
  mkdirSync(dir, { mode: 0o700 });
  const { entry, build } = ownProgram();
  const nodeArgs = process.env['ORCA_BENCH_NODE_ARGS']?.split(' ') ?? [];
  launch(place, 'orca', { file: process.execPath, args: [...nodeArgs, entry, dir, build] });
  const [port, httpsPort] = [await freePort(), await freePort()];
  const host = '127.0.0.1';
  const proxy = await attachProxy({
    dir,
    config: { http: { host, port }, https: { host, port: httpsPort }, workers: 1 },
    log: { info: () => {}, error: (message, details) => console.error(message, details) },
  });
  const targets = [{ id: 'origin', host, port: place.originPort }];
  await proxy.replace({
    table: { routes: [{ host: 'app.test', pathPrefix: '/', stripPrefix: false, targets }] },
    certificates: [
      {
        names: ['app.test', 'localhost'],
        certPem: readFileSync(place.certPath, 'utf8'),
        keyPem: readFileSync(place.keyPath, 'utf8'),
      },
    ],
  });
  const [worker] = (await proxy.status()).workers;
  if (worker === undefined) throw new Error('orca has no worker');
  return { name: 'orca', pid: proxy.pid, worker: worker.pid, port, httpsPort, stop: () => proxy.stop(0) };
};
