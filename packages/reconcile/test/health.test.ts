import { describe, expect, it } from '@jest/globals';
import { foldHealth, restartBackoffMs, type Health, type HealthPolicy } from '@orca/reconcile';

const policy: HealthPolicy = { failureThreshold: 3, initialDelayMs: 120_000 };

/** `.` is a success, `x` a failure; one check every 30 s from the start. */
const after = (checks: string, run = 'a', begin?: Health): Health | undefined =>
  Array.from(checks).reduce<Health | undefined>(
    (health, mark, i) =>
      foldHealth(
        health,
        { run, isOk: mark === '.', reason: mark === '.' ? undefined : 'no', ageMs: i * 30_000 },
        policy,
      ),
    begin,
  );

describe('foldHealth', () => {
  it('34: does not hold failures during the initial delay against a slow starter', () => {
    expect(after('xxxx')).toMatchObject({ status: 'unknown', failures: 0 });
    expect(after('xxxx.')?.status).toBe('healthy');
  });

  it('is unhealthy after the threshold of consecutive failures, once the delay is over', () => {
    expect(after('xxxxxx')).toMatchObject({ status: 'unknown', failures: 2 });
    expect(after('xxxxxxx')).toMatchObject({ status: 'unhealthy', failures: 3 });
  });

  it('counts consecutive failures only', () => {
    expect(after('.....xx.xx')).toMatchObject({ status: 'healthy', failures: 2 });
    expect(after('.....xx.xxx')?.status).toBe('unhealthy');
  });

  it('judges at once what was healthy before, even during its delay', () => {
    expect(after('.xxx')?.status).toBe('unhealthy');
  });

  it('35: begins from nothing when the instance was started anew', () => {
    expect(after('x', 'b', after('.....xx'))).toMatchObject({ run: 'b', status: 'unknown', failures: 0 });
  });
});

describe('restartBackoffMs', () => {
  it('36: waits 0, 10, 20, 40 … and never more than 300 s', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 20].map((n) => restartBackoffMs(n) / 1000)).toEqual([
      0, 10, 20, 40, 80, 160, 300, 300,
    ]);
  });
});
