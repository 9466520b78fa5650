import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startWatchdog } from '../src/watchdog.ts';

describe('45: the watchdog', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'orca-watchdog-'));
    writeFileSync(join(dir, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${dir}/told\n`);
    chmodSync(join(dir, 'systemd-notify'), 0o755);
    writeFileSync(join(dir, 'told'), '');
  });
  afterEach(() => {
    rmSync(dir, { recursive: true });
  });
  const told = (): readonly string[] => readFileSync(join(dir, 'told'), 'utf8').trim().split('\n');
  const count = (state: string): number => told().filter((one) => one === state).length;
  /** Each is told by a process of its own, which takes its time. */
  const until = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) await sleep(20);
  };

  it('tells that the server is up, and of progress, only while there is some', async () => {
    let [now, lastProgressAt] = [0, 0];
    const watchdog = startWatchdog({
      env: { NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '100000', PATH: `${dir}:${process.env['PATH']}` },
      now: () => now,
      lastProgressAt: () => lastProgressAt,
      patienceMs: 1_000,
    });
    await until(() => told().includes('READY=1') && count('WATCHDOG=1') >= 3);
    now = 2_000;
    // What was begun before is told, and nothing after it.
    let before = 0;
    while (before !== count('WATCHDOG=1')) {
      before = count('WATCHDOG=1');
      await sleep(1_000);
    }
    now = 2_500;
    lastProgressAt = 2_000;
    await until(() => count('WATCHDOG=1') > before);
    watchdog.stop();
    await until(() => told().includes('STOPPING=1'));
    expect(
      told()
        .filter((state) => state !== 'WATCHDOG=1')
        .toSorted(),
    ).toEqual(['READY=1', 'STOPPING=1']);
  });

  it('does nothing where systemd does not ask', async () => {
    startWatchdog({ env: {}, now: () => 0, lastProgressAt: () => 0, patienceMs: 1_000 }).stop();
    await sleep(100);
    expect(readFileSync(join(dir, 'told'), 'utf8')).toBe('');
  });
});
