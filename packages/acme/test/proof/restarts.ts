import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faultProxy, type FaultProxy } from '../fault-proxy.ts';
import { allValid, managed, rig, type Rig } from '../rig.ts';
import { holds, repeated, type ProofLine } from './line.ts';

const host = 'kept.acme.test';

const restarts: ProofLine = {
  name: 'A1, A15: five restarts',
  run: async () => {
    await using on = await rig();
    await using front = await faultProxy(on.pebble);
    const first = managed(on, { directory: front.directory });
    await first.manager.manage([host]);
    await first.settle(allValid);
    const serial = first.manager.current(host)?.serial;
    const before = front.asked.length;
    for (let i = 0; i < 5; i += 1) {
      const next = managed(on, { directory: front.directory });
      await next.manager.manage([host]);
      await next.settle(allValid);
      holds(next.manager.current(host)?.serial === serial, 'another certificate after a restart');
    }
    const accounts = front.count(/^\/sign-me-up/);
    const asked = front.asked.slice(before).filter(({ method }) => method !== 'GET').length;
    const created = front.asked.filter(({ path, payload }) => path === '/sign-me-up' && isCreation(payload)).length;
    holds(asked === 0, `${asked} requests that could change something after a restart`);
    return `0 new accounts and 0 new orders; ${created} account made in ${accounts} requests with refused nonces`;
  },
};

const isCreation = (payload: unknown): boolean =>
  typeof payload === 'object' && payload !== null && !('onlyReturnExisting' in payload);

/** Issues in a process of its own, and kills it when the authority is asked for the n-th time. */
const killAt = async (on: Rig, front: FaultProxy, dir: string, at: number): Promise<boolean> => {
  const program = fileURLToPath(new URL('./one-host-main.ts', import.meta.url));
  const args = ['--disable-warning=ExperimentalWarning', program, front.directory, dir, String(on.httpPort)];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ORCA_PROOF_CA: on.pebble.ca },
  });
  const exited = once(child, 'exit');
  const base = front.asked.length;
  front.fault = () => {
    if (front.asked.length - base === at) child.kill('SIGKILL');
    return undefined;
  };
  const [code] = (await exited) as [number | null];
  front.fault = () => undefined;
  return code === null;
};

const kills: ProofLine = {
  name: 'A17, A19, A20, A22: kill -9 during issuing',
  run: async (short) => {
    const points = short ? [2, 6, 10] : [1, 2, 3, 4, 6, 8, 10, 12, 14, 16];
    let placed = 0;
    let accounts = 0;
    let killed = 0;
    for (const at of points) {
      await using on = await rig({ serveHttp: false });
      await using front = await faultProxy(on.pebble);
      const dir = join(on.dir.path, 'certs');
      if (await killAt(on, front, dir, at)) killed += 1;
      const isDone = !(await killAt(on, front, dir, Infinity));
      holds(isDone, `killed at request ${at}: the next process did not get the certificate`);
      const urls = front.asked.flatMap(({ header }) => (typeof header['kid'] === 'string' ? [header['kid']] : []));
      accounts = Math.max(accounts, new Set(urls).size);
      placed = Math.max(placed, ordersPlaced(front));
      holds(repeated(front.nonces()).length === 0, `killed at request ${at}: a nonce was sent twice`);
      const left = (await readdir(dir, { recursive: true })).filter((name) => name.endsWith('.tmp'));
      holds(left.length === 0, `killed at request ${at}: ${left.join(', ')} is left`);
    }
    holds(accounts === 1, `${accounts} accounts`);
    holds(placed <= 2, `${placed} orders for one certificate`);
    return `${killed} of ${points.length} points hit; a certificate each time, 1 account, at most ${placed} orders`;
  },
};

/** Requests for an order that were taken: refused nonces do not count. */
const ordersPlaced = (front: FaultProxy): number =>
  new Set(front.asked.filter(({ path }) => path.startsWith('/my-order/')).map(({ path }) => path)).size;

const corrupt: ProofLine = {
  name: 'A19: torn and corrupt store entries',
  run: async (short) => {
    await using on = await rig();
    const dir = join(on.dir.path, 'certs');
    const first = managed(on);
    await first.manager.manage([host]);
    await first.settle(allValid);
    const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
    const damages: readonly [string, (text: Buffer) => Buffer][] = [
      ['empty', () => Buffer.alloc(0)],
      ['half', (text) => text.subarray(0, text.length / 2)],
      ['zeros', (text) => Buffer.alloc(text.length)],
      [
        'noise in the middle',
        (text) => Buffer.concat([text.subarray(0, 200), Buffer.from('\u0000{'), text.subarray(240)]),
      ],
    ];
    let done = 0;
    for (const file of files)
      for (const [what, damage] of short ? damages.slice(0, 2) : damages) {
        const path = join(file.parentPath, file.name);
        const good = await readFile(path);
        const handle = await open(path, 'w');
        await handle.write(damage(good));
        await handle.close();
        const next = managed(on);
        await next.manager.manage([host]);
        await next.settle(allValid).catch((error: unknown) => {
          throw new Error(`${file.name}, ${what}: ${String(error)}`);
        });
        await writeFile(path, await readFile(path).catch(() => good), { mode: 0o600 });
        done += 1;
      }
    return `${files.length} files, ${done} damages: valid again each time, no crash`;
  },
};

export const restartLines: readonly ProofLine[] = [restarts, kills, corrupt];
