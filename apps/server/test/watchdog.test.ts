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

  it('tells that the server is up, and of progress, only while there is some', async () => {
    let now = 0;
    const watchdog = startWatchdog({
      env: { NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '100000', PATH: `${dir}:${process.env['PATH']}` },
      now: () => now,
      lastProgressAt: () => 0,
      patienceMs: 1_000,
    });
    await sleep(400);
    const well = told().length;
    expect(told().slice(0, 2)).toEqual(['READY=1', 'WATCHDOG=1']);
    now = 2_000;
    await sleep(200);
    const hung = told().length;
    await sleep(300);
    expect(told()).toHaveLength(hung);
    expect(hung).toBeLessThanOrEqual(well + 4);
    watchdog.stop();
    await sleep(200);
    expect(told().at(-1)).toBe('STOPPING=1');
  });

  it('does nothing where systemd does not ask', async () => {
    startWatchdog({ env: {}, now: () => 0, lastProgressAt: () => 0, patienceMs: 1_000 }).stop();
    await sleep(100);
    expect(readFileSync(join(dir, 'told'), 'utf8')).toBe('');
  });
});
