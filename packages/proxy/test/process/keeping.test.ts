import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { proxyStatus, ownProgram, type ProxyState } from '@orca/proxy/process';
import { entries } from '../../src/process/entries.ts';
import { Keeping } from '../../src/process/keeping.ts';
import { bootId, claim } from '../../src/process/owner.ts';
import { readKept, type Kept } from '../../src/process/state-file.ts';
import { Supervisor } from '../../src/process/supervisor.ts';
import { closing, route } from '../harness.ts';
import { anyPort, aPlace, eventually } from './a-place.ts';

const retryMs = 50;

const aFile = (): { path: string; obstacle: string } => {
  const dir = mkdtempSync(join(tmpdir(), 'orca-keeping-'));
  closing(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'proxy.json');
  // A directory in the place of the file that is about to be written: not even root can.
  return { path, obstacle: `${path}.tmp` };
};

const stateOf = (host: string): ProxyState => ({ table: { routes: [route([], { host })] } });
const keptOf = (host: string): Kept => ({ config: { http: anyPort, workers: 1 }, state: stateOf(host), epoch: 1 });
const hostIn = async (path: string): Promise<string | undefined> =>
  (await readKept(path, bootId()))?.state.table.routes[0]?.host;

const aKeeping = (path: string): { keeping: Keeping; faults: string[] } => {
  const faults: string[] = [];
  const keeping = new Keeping({ path, retryMs, onFault: (reason) => void faults.push(reason) });
  closing(() => keeping.release());
  return { keeping, faults };
};

test('what was released is not written any more, also where a write had failed or was under way', async () => {
  const { path, obstacle } = aFile();
  const { keeping, faults } = aKeeping(path);
  mkdirSync(obstacle);
  expect(await keeping.keep(keptOf('former.test'))).toContain('EISDIR');
  const second = keeping.keep(keptOf('former.test'));
  const third = keeping.keep(keptOf('former.test'));
  await keeping.release();
  rmdirSync(obstacle);
  const heir = aKeeping(path).keeping;
  expect(await heir.keep(keptOf('heir.test'))).toBeUndefined();
  expect(await keeping.keep(keptOf('former.test'))).toContain('handed over');
  await Promise.all([second, third]);
  await sleep(5 * retryMs);
  expect(await hostIn(path)).toBe('heir.test');
  expect(faults.length).toBeGreaterThan(0);
});

test('when nobody took the file over after all, what was to be kept meanwhile is written', async () => {
  const { path } = aFile();
  const { keeping } = aKeeping(path);
  await keeping.release();
  await keeping.keep(keptOf('former.test'));
  expect(await hostIn(path)).toBeUndefined();
  keeping.resume();
  await eventually(async () => (await hostIn(path)) === 'former.test');
});

test('a supervisor that could not keep its table does not write it over that of its heir', async () => {
  const place = aPlace();
  const path = join(place.dir, 'proxy.json');
  claim(join(place.dir, 'proxy.pid'));
  const ended = Promise.withResolvers<void>();
  const former = new Supervisor({
    dir: place.dir,
    workerEntry: entries.worker,
    program: ownProgram(),
    log: { info: () => undefined, error: () => undefined },
    now: () => performance.now(),
    keepRetryMs: retryMs,
    onEnd: ended.resolve,
  });
  await former.restore();
  const first = await place.attach();
  expect(first.pid).toBe(process.pid);
  const obstacle = `${path}.tmp`;
  await eventually(async () => (await readKept(path, bootId())) !== undefined);
  mkdirSync(obstacle);
  await first.replace(stateOf('former.test'));
  first.detach();
  const heir = await place.attach({ program: { ...ownProgram(), build: 'next' } });
  expect(heir.pid).not.toBe(process.pid);
  rmdirSync(obstacle);
  await heir.replace(stateOf('heir.test'));
  await ended.promise;
  await sleep(5 * retryMs);
  expect(await hostIn(path)).toBe('heir.test');
  expect((await proxyStatus(place.dir))?.build).toBe('next');
});
