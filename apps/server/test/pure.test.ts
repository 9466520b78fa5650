import { describe, expect, it } from '@jest/globals';
import { instanceKey, revision, type Instance } from '@orca/reconcile';
import { parseDesiredState, type RouteSpec } from '@orca/spec';
import { adoptable } from '../src/adoption.ts';
import { isMutable } from '../src/desired.ts';
import { EventQueue } from '../src/event-queue.ts';
import { SingleFile } from '../src/single-file.ts';
import { wireChanges, wireEvent } from '../src/wire.ts';

const route: RouteSpec = { domains: ['a.test', 'b.test'], paths: ['/', '/api'], stripPrefix: false, port: 8080 };
const key = (service: string, slot: number, rev: string) => instanceKey(service, slot, revision(rev));
const instance = (service: string, rev: string, change: Partial<Instance> = {}): Instance => ({
  key: key(service, 1, rev),
  service,
  slot: 1,
  revision: revision(rev),
  stage: 'current',
  status: 'running',
  dependsOn: [],
  drift: [],
  ...change,
});
const specOf = (text: string) => {
  const parsed = parseDesiredState([{ path: 'services/smoke/service.toml', text }], {
    root: '/infra',
    cluster: undefined,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value.services;
};

describe('adoptable', () => {
  it('takes the recorded route, even when the files are broken', () => {
    const web = instance('web', 'x');
    expect(adoptable([web], new Map([[web.key, route]]), [])).toEqual([{ key: web.key, route }]);
  });

  it('takes a routed candidate: it was serving when the control plane died', () => {
    const next = instance('web', 'y', { stage: 'candidate' });
    expect(adoptable([next], new Map([[next.key, route]]), [])).toHaveLength(1);
  });

  it('asks the files when nothing was recorded, and only for proven instances that run', () => {
    const specs = specOf('[[service]]\nname = "web"\nimage = "i:1"\nport = 80\ndomain = "w.test"\n');
    expect(adoptable([instance('web', 'x')], new Map(), specs)).toMatchObject([{ route: { domains: ['w.test'] } }]);
    expect(adoptable([instance('web', 'x', { status: 'exited' })], new Map(), specs)).toEqual([]);
    expect(adoptable([instance('web', 'x', { stage: 'candidate' })], new Map(), specs)).toEqual([]);
  });
});

describe('isMutable', () => {
  it.each([
    ['app', 'auto', true],
    ['app:latest', 'auto', true],
    ['registry.test:5000/app', 'auto', true],
    ['registry.test:5000/app:1', 'auto', false],
    ['app:16-alpine', 'auto', false],
    ['app@sha256:0000000000000000000000000000000000000000000000000000000000000000', 'auto', false],
    ['app:1', 'always', true],
    ['app', 'never', false],
  ])('%s with pull_policy %s: %s', (image, policy, expected) => {
    const [spec] = specOf(`[[service]]\nname = "web"\nimage = "${image}"\npull_policy = "${policy}"\n`);
    expect(spec === undefined ? undefined : isMutable(spec)).toBe(expected);
  });
});

describe('wireChanges', () => {
  it('says in one word what was done to a service', () => {
    const did = (service: string, ...kinds: readonly string[]) =>
      kinds.map((kind) => ({
        id: `${service} ${kind}`,
        after: [],
        action: { kind, service, reason: '', key: key(service, 1, 'x') } as never,
      }));
    const removed = (service: string, what: string) =>
      did(service, 'remove').map((step) => ({ ...step, action: { ...(step.action as object), what } as never }));
    expect(
      wireChanges([
        ...did('fresh', 'create', 'start', 'commit'),
        ...did('new', 'create', 'start', 'stop', 'commit', 'remove'),
        ...did('up', 'start', 'awaitReady'),
        ...did('gone', 'stop'),
        ...removed('gone', 'unwanted'),
        ...removed('fewer', 'surplus'),
        ...removed('fewer', 'leftover'),
        ...removed('stays', 'leftover'),
        ...removed('late', 'replaced'),
        ...did('off', 'drain', 'stop'),
        ...did('moved', 'route'),
        ...did('asked', 'awaitReady'),
      ]),
    ).toEqual([
      { service: 'fewer', change: 'scaled_down' },
      { service: 'fresh', change: 'created' },
      { service: 'gone', change: 'removed' },
      { service: 'late', change: 'recreated' },
      { service: 'moved', change: 'rerouted' },
      { service: 'new', change: 'recreated' },
      { service: 'off', change: 'stopped' },
      { service: 'stays', change: 'cleared' },
      { service: 'up', change: 'started' },
    ]);
  });
});

describe('wireEvent', () => {
  it.each([
    [`${key('web', 1, 'h1:0123456789ab')} awaitReady`, 'after web/1@0123456 await ready'],
    ['web prepare', 'after web prepare'],
    ['cancelled', 'called off: not wanted any more'],
  ])('says in plain words why a step was skipped: %s', (because, detail) => {
    const action = { kind: 'commit', service: 'web', reason: '', key: key('web', 1, 'x') } as never;
    const event = { type: 'step.skipped', step: { id: 'x', after: [], action }, because } as const;
    expect(wireEvent(event, (text) => text)).toMatchObject({ state: 'skipped', detail });
  });
});

describe('EventQueue', () => {
  it('gives every event once and in order, those before and those after the reader came', async () => {
    const queue = new EventQueue<number>();
    queue.push(1);
    const read = (async () => {
      const got: number[] = [];
      for await (const event of queue) got.push(event);
      return got;
    })();
    await Promise.resolve();
    queue.push(2);
    queue.push(3);
    queue.end();
    expect(await read).toEqual([1, 2, 3]);
  });
});

describe('SingleFile', () => {
  it('runs one task at a time, and the next one after a failure', async () => {
    const file = new SingleFile();
    const log: string[] = [];
    const task = (name: string, fails = false) =>
      file.run(async () => {
        log.push(`${name} begins`);
        await new Promise((done) => setTimeout(done, 5));
        log.push(`${name} ends`);
        if (fails) throw new Error(name);
      });
    const results = await Promise.allSettled([task('a'), task('b', true), task('c')]);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});
