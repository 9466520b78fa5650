import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { instanceKey, revision } from '@orca/reconcile';
import { createSecretFiles } from '../src/secret-files.ts';

const key = instanceKey('web', 1, revision('h1:abc'));
const file = (target: string, text: string, uid?: number) => ({ target, text, uid });

let memory: string;
beforeEach(() => {
  memory = mkdtempSync('/dev/shm/orca-files-');
});
afterEach(() => rmSync(memory, { recursive: true, force: true }));
const filesIn = (...directories: readonly string[]) => createSecretFiles(directories, 'c1');

describe('S11: files with secrets', () => {
  it('are their owner’s alone, and what is there stays as it is: a container holds that very file', async () => {
    const files = filesIn(memory);
    const placed = await files.place(key, [file('/run/secrets/a', 'one'), file('/b', 'two', 4711)]);
    expect(placed.map(({ target }) => target)).toEqual(['/run/secrets/a', '/b']);
    const [a, b] = placed.map(({ source }) => lstatSync(source));
    expect([a?.mode, b?.mode].map((mode) => (mode ?? 0) & 0o777)).toEqual([0o400, 0o400]);
    expect([a?.uid, b?.uid]).toEqual([process.geteuid?.(), 4711]);
    await files.place(key, [file('/run/secrets/a', 'another'), file('/b', 'two', 4711)]);
    expect(readFileSync(placed[0]?.source ?? '', 'utf8')).toBe('one');
    expect(lstatSync(placed[0]?.source ?? '').ino).toBe(a?.ino);
    await files.own(key, [file('/run/secrets/a', 'one'), file('/b', 'two', 4711)], 33);
    expect(placed.map(({ source }) => lstatSync(source).uid)).toEqual([33, 4711]);
  });

  it('lie where nobody else can come, with nothing half written, and go with their instance', async () => {
    const files = filesIn(memory);
    const other = instanceKey('web', 2, revision('h1:abc'));
    await files.place(key, [file('/a', 'one')]);
    await files.place(other, [file('/a', 'two')]);
    const directory = join(memory, 'c1');
    expect(readdirSync(directory)).toHaveLength(2);
    for (const name of readdirSync(directory)) {
      expect(lstatSync(join(directory, name)).mode & 0o777).toBe(0o700);
      expect(readdirSync(join(directory, name))).toEqual(['0']);
    }
    await files.remove(key);
    expect(readdirSync(directory)).toHaveLength(1);
    await files.remove(key);
  });

  it('that belong to nobody are swept when they are old enough', async () => {
    const files = filesIn(memory);
    const orphan = instanceKey('gone', 1, revision('h1:abc'));
    const young = instanceKey('young', 1, revision('h1:abc'));
    for (const k of [key, orphan, young]) await files.place(k, [file('/a', 'one')]);
    const directory = join(memory, 'c1');
    const old = readdirSync(directory).filter((name) => !name.startsWith('young'));
    for (const name of old) utimesSync(join(directory, name), 1000, 1000);
    await files.sweep(new Set([key]), Date.now() - 600_000);
    expect(readdirSync(directory).map((name) => name.split('_')[0])).toEqual(['web', 'young']);
  });

  it('are refused where they would reach a disk, or where somebody else got there first', async () => {
    const onDisk = mkdtempSync(join(import.meta.dirname, 'disk-'));
    try {
      await expect(filesIn(join(onDisk, 'orca')).place(key, [file('/a', 'one')])).rejects.toMatchObject({
        code: 'ORCA_RUNTIME_SECRET_FILES',
        message: expect.stringContaining('ORCA_RUN_DIR'),
      });
      expect(readdirSync(onDisk)).toEqual([]);
      const fallback = await filesIn(join(onDisk, 'orca'), memory).place(key, [file('/a', 'one')]);
      expect(fallback[0]?.source.startsWith(memory)).toBe(true);
    } finally {
      rmSync(onDisk, { recursive: true });
    }
    mkdirSync(join(memory, 'open'));
    chmodSync(join(memory, 'open'), 0o777);
    symlinkSync(join(memory, 'open'), join(memory, 'link'));
    for (const name of ['open', 'link']) {
      await expect(filesIn(join(memory, name)).place(key, [file('/a', 'one')])).rejects.toMatchObject({
        code: 'ORCA_RUNTIME_SECRET_FILES',
      });
    }
  });
});
