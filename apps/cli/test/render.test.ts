import { describe, expect, it } from '@jest/globals';
import type { ClusterStatus, DeployEvent, ServiceStatus } from '@orca/api';
import { paletteFor } from '../src/render/ansi.ts';
import { endLines, issueLine, stepLine, waitingLine } from '../src/render/lines.ts';
import { LiveList } from '../src/render/live-list.ts';
import { statusLines } from '../src/render/status-table.ts';

const palette = paletteFor({ isTTY: false }, {});
const end = (change: Partial<Extract<DeployEvent, { type: 'end' }>>): Extract<DeployEvent, { type: 'end' }> => ({
  type: 'end',
  outcome: 'converged',
  changed: [],
  unchanged: [],
  failures: [],
  mutatingCalls: 0,
  ms: 1234,
  ...change,
});

describe('what a deploy prints', () => {
  it('says that nothing was to do, with the number of engine calls', () => {
    expect(endLines(end({ unchanged: ['a', 'b'] }), palette)).toEqual([
      '✓ nothing to do: 2 services up to date, 0 mutating engine calls, 1.23s',
    ]);
  });

  it('counts what changed by kind', () => {
    const changed = [
      { service: 'a', change: 'created' as const },
      { service: 'b', change: 'created' as const },
      { service: 'c', change: 'recreated' as const },
    ];
    expect(endLines(end({ changed, unchanged: ['d'], mutatingCalls: 12, ms: 12_345 }), palette)).toEqual([
      '✓ 2 created, 1 recreated, 1 unchanged in 12.3s (12 mutating engine calls)',
    ]);
  });

  it('says why nothing could be begun, without counting services', () => {
    const message = 'nothing was changed: the disk is full';
    expect(endLines(end({ outcome: 'failed', message }), palette)).toEqual([
      '✗ failed: nothing was changed: the disk is full',
    ]);
  });

  it('does not say of a service that stays that it was removed', () => {
    const changed = [
      { service: 'a', change: 'cleared' as const },
      { service: 'b', change: 'scaled_down' as const },
    ];
    expect(endLines(end({ changed, unchanged: ['d'], mutatingCalls: 3 }), palette)).toEqual([
      '✓ 1 cleared of leftovers, 1 scaled down, 1 unchanged in 1.23s (3 mutating engine calls)',
    ]);
  });

  it('shows why a service failed, without its name twice, and its last lines', () => {
    const failures = [{ service: 'web', reason: 'web: exited with code 1', logs: ['no such table'] }];
    expect(endLines(end({ outcome: 'failed', failures }), palette)).toEqual([
      '',
      '✗ web: exited with code 1',
      '  its last lines:',
      '  | no such table',
      '',
      '✗ failed: 1 service in 1.23s',
    ]);
  });

  it('has a line for a finished step and none for one that only began', () => {
    const step = { id: 'x', service: 'web', action: 'start', reason: 'not there yet' };
    expect(stepLine({ type: 'step', step, state: 'started' }, 5, palette)).toBeUndefined();
    expect(stepLine({ type: 'step', step, state: 'done', ms: 120 }, 5, palette)).toBe(
      'web    start       done 0.12s  (not there yet)',
    );
    expect(stepLine({ type: 'step', step, state: 'failed', ms: 120, detail: 'port 80 is in use' }, 5, palette)).toBe(
      'web    start       failed 0.12s  (port 80 is in use)',
    );
  });

  it('says what it waits for, until that has ended', () => {
    expect(waitingLine(['api', 'web'], palette)).toBe(
      '… waits until what is already under way has come to an end: api, web',
    );
    let shown = '';
    const stream = { columns: 100, rows: 24, write: (text: string) => (shown = text) } as unknown as NodeJS.WriteStream;
    const live = new LiveList({ stream, palette, now: () => 0 });
    live.wait(['web']);
    expect(shown).toContain('· web  waits until what is already under way has come to an end');
    live.begin(['web', 'db']);
    expect(shown).toContain('· web  waiting');
    const step = { id: 'x', service: 'web', action: 'start', reason: 'not there yet' };
    live.step({ type: 'step', step, state: 'started' });
    live.wait(['web', 'db']);
    expect(shown).toContain('web  start  not there yet');
    expect(shown).toContain('· db   waits until what is already under way has come to an end');
    live.end();
  });

  it('points at a fault as editors understand it', () => {
    expect(
      issueLine({
        severity: 'error',
        file: 'services/a/service.toml',
        line: 3,
        col: 7,
        path: 'service[0].port',
        message: 'is no port',
      }),
    ).toBe('error: services/a/service.toml:3:7: service[0].port: is no port');
  });
});

describe('what status prints', () => {
  const service = (change: Partial<ServiceStatus>): ServiceStatus => ({
    name: 'web',
    project: 'p',
    image: 'i:1',
    status: 'running',
    desiredReplicas: 1,
    runningReplicas: 1,
    domains: ['a.test'],
    dependsOn: [],
    upToDate: true,
    paused: false,
    staleSecrets: [],
    startedAt: '2026-01-01T00:00:00Z',
    lastFailure: undefined,
    ...change,
  });
  const cluster = (services: readonly ServiceStatus[], change: Partial<ClusterStatus> = {}): ClusterStatus => ({
    cluster: 'c',
    version: '1',
    root: '/infra',
    runtimeError: undefined,
    needsRestart: undefined,
    issues: [],
    services,
    ...change,
  });
  const now = Date.parse('2026-01-01T02:00:00Z');

  it('is a table whose columns line up, with a note under what is not as it should be', () => {
    const lines = statusLines(
      cluster([
        service({}),
        service({
          name: 'long-name',
          status: 'degraded',
          runningReplicas: 0,
          domains: [],
          lastFailure: 'exited with code 3',
        }),
        service({ name: 'off', status: 'stopped', paused: true, runningReplicas: 0, domains: [] }),
      ]),
      palette,
      now,
    );
    expect(lines).toEqual([
      'SERVICE    STATUS    RUNNING  UP  IMAGE  DOMAIN',
      'web        running   1/1      2h  i:1    a.test',
      'long-name  degraded  0/1      -   i:1',
      '  └ exited with code 3',
      'off        stopped   0/1      -   i:1',
      '  └ stopped by request; start it with: orca deploy off',
    ]);
  });

  it('says in one line that the server is to be restarted', () => {
    const needsRestart = '[proxy] changed since the server started';
    expect(statusLines(cluster([service({})], { needsRestart }), palette, now)).toEqual([
      'SERVICE  STATUS   RUNNING  UP  IMAGE  DOMAIN',
      'web      running  1/1      2h  i:1    a.test',
      '! cluster.toml: [proxy] changed since the server started',
    ]);
  });

  it('never shows an engine that does not answer as a cluster without services', () => {
    expect(statusLines(cluster([], { runtimeError: 'is Docker running?' }), palette, now)).toEqual([
      "✗ the services' state is unknown: is Docker running?",
    ]);
  });
});

describe('colours', () => {
  it('are for terminals whose user did not decline them', () => {
    expect(paletteFor({ isTTY: true }, {}).red('x')).toBe('\u001b[31mx\u001b[39m');
    expect(paletteFor({ isTTY: true }, { NO_COLOR: '1' }).red('x')).toBe('x');
    expect(paletteFor({ isTTY: true }, { TERM: 'dumb' }).red('x')).toBe('x');
    expect(paletteFor({ isTTY: false }, {}).red('x')).toBe('x');
  });
});
