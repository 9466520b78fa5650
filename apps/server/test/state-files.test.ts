import { afterEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHome, openToken } from '../src/home.ts';
import { takeLock } from '../src/lock.ts';

const dirs: string[] = [];
const fresh = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'orca-home-'));
  dirs.push(dir);
  return dir;
};
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
});

describe('the state directory', () => {
  it('is made for its owner alone', () => {
    const dir = join(fresh(), 'home');
    openHome(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  it('is refused when others may write to it', () => {
    const dir = fresh();
    chmodSync(dir, 0o777);
    expect(() => openHome(dir)).toThrow(/chmod 700/);
  });
});

describe('the admin token', () => {
  it('is written once, 0600, with 256 bits, and is the same for the next start', () => {
    const path = join(fresh(), 'cluster.token');
    const first = openToken(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
    expect(openToken(path)).toEqual(first);
  });

  it('is refused when others may read it, or when it is empty', () => {
    const path = join(fresh(), 'cluster.token');
    openToken(path);
    chmodSync(path, 0o644);
    expect(() => openToken(path)).toThrow(/chmod 600/);
    writeFileSync(path, '');
    chmodSync(path, 0o600);
    expect(() => openToken(path)).toThrow(/no usable token/);
  });
});

describe('12: the lock of a state directory', () => {
  it('lets one server in, and the next after it has gone', () => {
    const path = join(fresh(), 'orca.pid');
    const lock = takeLock(path);
    expect(() => takeLock(path)).toThrow(/already runs/);
    lock.release();
    takeLock(path).release();
  });

  it('is taken over from a dead owner, from a reused pid, from another boot, and when it is torn', () => {
    const path = join(fresh(), 'orca.pid');
    const mine = { pid: process.pid, boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() };
    for (const stale of [
      '',
      '{"pid":',
      JSON.stringify({ ...mine, started: '1' }),
      JSON.stringify({ ...mine, boot: 'other', started: '1' }),
    ]) {
      writeFileSync(path, stale);
      takeLock(path).release();
    }
  });
});
