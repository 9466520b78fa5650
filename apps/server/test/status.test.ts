import { describe, expect, it } from '@jest/globals';
import type { ServiceStatus } from '@orca/api';
import { instanceKey, revision, type DesiredService } from '@orca/reconcile';
import type { InstanceDetails } from '@orca/runtime-docker';
import { parseDesiredState, type ServiceSpec } from '@orca/spec';
import { statusOf, type StatusInput } from '../src/status.ts';

const desired = (lines = '', change: Partial<DesiredService<ServiceSpec>> = {}): DesiredService<ServiceSpec> => {
  const text = `[[service]]\nname = "web"\nimage = "app:2"\n${lines}`;
  const parsed = parseDesiredState([{ path: 'services/web/service.toml', text }], { root: '/', cluster: undefined });
  const [spec] = parsed.ok ? parsed.value.services : [];
  if (spec === undefined) throw new Error(JSON.stringify(parsed));
  const order = { kind: 'start-first', reason: 'for the test' } as const;
  return { spec, revision: revision('two'), order, isRouted: false, isPaused: false, stopGraceMs: 1000, ...change };
};
const instance = (change: Partial<InstanceDetails> = {}): InstanceDetails => ({
  key: instanceKey('web', change.slot ?? 1, change.revision ?? revision('two')),
  service: 'web',
  slot: 1,
  revision: revision('two'),
  stage: 'current',
  status: 'running',
  dependsOn: [],
  drift: [],
  project: 'web',
  containerId: 'c1',
  name: 'orca-web',
  image: 'app:2',
  imageId: 'sha256:2',
  address: '10.0.0.2',
  restarting: false,
  restartCount: 0,
  startedAt: '2026-01-01T00:00:00Z',
  exitCode: undefined,
  oomKilled: false,
  memoryLimit: undefined,
  hostPorts: [],
  ...change,
});
const old = { revision: revision('one'), image: 'app:1' };
const status = (input: Partial<StatusInput>): ServiceStatus | undefined =>
  statusOf({
    desired: [desired()],
    instances: [],
    failures: new Map(),
    quarantined: new Map(),
    troubles: new Map(),
    staleSecrets: () => [],
    ...input,
  })[0];

describe('status of a service', () => {
  it.each<[string, Partial<StatusInput>, Partial<ServiceStatus>]>([
    ['runs as asked for', { instances: [instance()] }, { status: 'running', upToDate: true }],
    ['was never made', {}, { status: 'missing', upToDate: false, runningReplicas: 0 }],
    ['is on its way', { instances: [instance({ stage: 'candidate' })] }, { status: 'starting' }],
    ['runs what was before', { instances: [instance(old)] }, { status: 'running', upToDate: false }],
    [
      'went back to what was before',
      { instances: [instance(old)], quarantined: new Map([['web', { revision: 'two' }]]) },
      { status: 'rolled_back', upToDate: false },
    ],
    ['was stopped by request', { desired: [desired('', { isPaused: true })] }, { status: 'stopped', paused: true }],
    ['has no instances by its file', { desired: [desired('replicas = 0')] }, { status: 'stopped', upToDate: true }],
    ['has one of two', { desired: [desired('replicas = 2')], instances: [instance()] }, { status: 'degraded' }],
    [
      'crashes again and again',
      { instances: [instance()], troubles: new Map([[instance().key, 'crash loop: 5 times']]) },
      { status: 'crash_loop', lastFailure: 'crash loop: 5 times' },
    ],
    [
      'fails its probe',
      { instances: [instance()], troubles: new Map([[instance().key, 'answers 500']]) },
      { status: 'degraded', lastFailure: 'answers 500' },
    ],
    [
      'is not in the files any more',
      { desired: [], instances: [instance()] },
      { status: 'running', lastFailure: expect.stringContaining('the next deploy removes it') as never },
    ],
  ])('that %s', (_, input, expected) => {
    expect(status(input)).toMatchObject(expected);
  });

  it('shows the image that runs, not the one that the files ask for', () => {
    expect(status({ instances: [instance(old)] })?.image).toBe('app:1');
    expect(status({ instances: [instance(old), instance({ slot: 2 })] })?.image).toBe('app:1, app:2');
    const byId = instance({ image: `sha256:${'a'.repeat(64)}` });
    expect(status({ instances: [byId] })?.image).toBe('sha256:aaaaaaaaaaaa');
    expect(status({})?.image).toBe('app:2');
  });

  it('38: tells an end for lack of memory with its limit, and who was killed as such', () => {
    const ended = { status: 'exited', exitCode: 137 } as const;
    const starved = { ...ended, oomKilled: true };
    const why = (change: Partial<InstanceDetails>): string | undefined =>
      status({ instances: [instance(change)] })?.lastFailure;
    expect(why({ ...starved, memoryLimit: 64 * 1024 * 1024 })).toBe('ran out of memory (OOM, limit 64 MiB)');
    expect(why(starved)).toBe('ran out of memory (OOM; the machine has no more)');
    expect(why(ended)).toMatch(/^exited with code 137 \(killed/);
  });
});
