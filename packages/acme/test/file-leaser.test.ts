import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { tempDir } from '@orca/tooling-testbed';
import { createFileLeaser } from '../src/file-leaser.ts';
import { thisProcess } from '../src/process-owner.ts';
import { shortHash } from '../src/store-path.ts';

const fileOf = (dir: string, key: string): string => join(dir, `${shortHash(key)}.lease`);

const leaserSource = new URL('../src/file-leaser.ts', import.meta.url).href;

describe('A20: leases', () => {
  test('one holder at a time, for each key', async () => {
    await using dir = await tempDir();
    const [a, b] = [createFileLeaser({ dir: dir.path }), createFileLeaser({ dir: dir.path })];
    const lease = await a.tryAcquire('x');
    expect(lease).toBeDefined();
    expect(await b.tryAcquire('x')).toBeUndefined();
    expect(await a.tryAcquire('x')).toBeUndefined();
    const other = await b.tryAcquire('y');
    expect(other).toBeDefined();
    await lease?.release();
    const next = await b.tryAcquire('x');
    expect(next).toBeDefined();
    await next?.release();
    await other?.release();
    expect(await readdir(dir.path)).toEqual([]);
  });

  test('of many at once one gets it', async () => {
    await using dir = await tempDir();
    const all = await Promise.all(
      Array.from({ length: 20 }, () => createFileLeaser({ dir: dir.path }).tryAcquire('x')),
    );
    const got = all.filter((lease) => lease !== undefined);
    expect(got).toHaveLength(1);
    await got[0]?.release();
  });

  test('of a process that was killed: taken over at once, and told once', async () => {
    await using dir = await tempDir();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    const { readFile } = await import('node:fs/promises');
    const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    await writeFile(fileOf(dir.path, 'x'), JSON.stringify({ ...thisProcess(), pid: child.pid, started }));
    const told: string[] = [];
    const leaser = createFileLeaser({ dir: dir.path, onTakeover: (key, owner) => told.push(`${key}: ${owner}`) });
    expect(await leaser.tryAcquire('x')).toBeUndefined();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lease = await leaser.tryAcquire('x');
    expect(lease).toBeDefined();
    expect(told).toEqual([expect.stringContaining(`process ${child.pid}`)]);
    await lease?.release();
  });

  test.each([
    ['empty', ''],
    ['garbled', '{"host":'],
    ['of another machine', JSON.stringify({ ...thisProcess(), host: 'far' })],
  ])('%s: stale once no heartbeat was seen for two periods, by a clock that nobody sets', async (_what, text) => {
    await using dir = await tempDir();
    const path = fileOf(dir.path, 'x');
    await writeFile(path, text);
    let clock = 0;
    const leaser = createFileLeaser({ dir: dir.path, heartbeatMs: 5_000, monotonic: () => clock });
    expect(await leaser.tryAcquire('x')).toBeUndefined();
    clock = 9_000;
    await utimes(path, new Date(), new Date(Date.now() + 5_000));
    // A sign of life begins the wait anew.
    expect(await leaser.tryAcquire('x')).toBeUndefined();
    clock = 18_000;
    expect(await leaser.tryAcquire('x')).toBeUndefined();
    clock = 20_000;
    const lease = await leaser.tryAcquire('x');
    expect(lease).toBeDefined();
    await lease?.release();
  });

  test('one that does not fit on the disk leaves nothing behind, and stops nobody', async () => {
    await using dir = await tempDir();
    const program = `import { createFileLeaser } from '${leaserSource}';
      await createFileLeaser({ dir: '${dir.path}' }).tryAcquire('x').then(() => process.exit(3), (e) => console.log(e.code));`;
    const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program];
    // A limit on file size fails a write as a full disk does.
    const child = spawn('bash', ['-c', 'ulimit -f 0; exec "$0" "$@"', process.execPath, ...args]);
    let said = '';
    child.stdout.on('data', (piece: Buffer) => (said += piece.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    expect([code, said.trim()]).toEqual([0, 'EFBIG']);
    expect(await readdir(dir.path)).toEqual([]);
    const lease = await createFileLeaser({ dir: dir.path }).tryAcquire('x');
    expect(lease).toBeDefined();
    await lease?.release();
  });

  test('halves that were left by whoever was killed are swept away, and those of the living are not', async () => {
    await using dir = await tempDir();
    const path = fileOf(dir.path, 'x');
    const [ended, alive] = [
      JSON.stringify({ ...thisProcess(), boot: 'an earlier one' }),
      JSON.stringify(thisProcess()),
    ];
    const long = new Date(Date.now() - 3_600_000);
    for (const [nonce, text] of [
      ['0000000000000001', ended],
      ['stale-0000000000000002', ended],
      ['0000000000000003', alive],
      ['0000000000000004', ''],
      ['0000000000000005', ''],
    ] as const)
      await writeFile(`${path}.${nonce}`, text);
    await utimes(`${path}.0000000000000004`, long, long);
    const lease = await createFileLeaser({ dir: dir.path }).tryAcquire('y');
    await lease?.release();
    expect((await readdir(dir.path)).map((name) => name.slice(-1)).toSorted()).toEqual(['3', '5']);
  });

  test('a holder that lost it is told, and does not release the new one', async () => {
    await using dir = await tempDir();
    const lease = await createFileLeaser({ dir: dir.path, heartbeatMs: 20 }).tryAcquire('x');
    const other = JSON.stringify(thisProcess());
    await writeFile(fileOf(dir.path, 'x'), other);
    for (let i = 0; i < 3_000 && lease?.signal.aborted === false; i += 1) await sleep(20);
    expect(lease?.signal.aborted).toBe(true);
    await lease?.release();
    expect(await readdir(dir.path)).toHaveLength(1);
  });
});
