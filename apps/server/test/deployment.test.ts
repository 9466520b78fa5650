import { describe, expect, it } from '@jest/globals';
import type { DeployEvent } from '@orca/api';
import { instanceKey, revision, type ActionKind, type Settlement } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';
import { Deployment } from '../src/deployment.ts';

const seconds = 1_000;
const old: string = instanceKey('web', 1, revision('old'));
const next: string = instanceKey('web', 1, revision('new'));
const settled = (change: Partial<Settlement<ServiceSpec>> = {}): ReadonlyMap<string, Settlement<ServiceSpec>> => {
  const last = { steps: [], blocked: [], unchanged: [] };
  const rest = { mayRetry: false, turns: 1, done: [], failed: [], last, failures: 0, retryMs: undefined };
  return new Map([['web', { outcome: 'converged', ...rest, ...change }]]);
};

/** One deploy of one service, told step by step how long each takes. */
class Told {
  readonly deployment: Deployment;
  readonly emitted: DeployEvent[] = [];
  #now = 0;

  constructor(proven: readonly string[] = [old]) {
    this.deployment = new Deployment({
      operation: 'one',
      services: new Set(['web']),
      emit: (event) => this.emitted.push(event),
      redact: (text) => text,
      lastLines: async () => [],
      isProven: (key) => proven.includes(key),
      mutations: () => 0,
      now: () => this.#now,
    });
  }

  step(kind: ActionKind, key: string, ms: number, type: 'done' | 'failed' = 'done'): this {
    const step = { id: `${key} ${kind}`, after: [], action: { kind, key, service: 'web', reason: '' } as never };
    this.deployment.hear({ type: 'step.started', step });
    this.#now += ms;
    this.deployment.hear(
      type === 'done' ? { type: 'step.done', step, ms } : { type: 'step.failed', step, ms, error: new Error('no') },
    );
    return this;
  }

  async downtime(): Promise<number | undefined> {
    return (await this.deployment.end(settled())).changed[0]?.downtimeMs;
  }
}

describe('the downtime that a deploy tells', () => {
  it('25: counts from the moment that nothing new is sent to the old instance', async () => {
    const told = new Told().step('drain', old, 5 * seconds).step('stop', old, 2 * seconds);
    told.step('start', next, seconds).step('awaitReady', next, seconds);
    expect(await told.downtime()).toBe(9 * seconds);
  });

  it('25: counts the whole of an update that failed, to the return of the old instance', async () => {
    const told = new Told().step('stop', old, 2 * seconds).step('start', next, seconds);
    told.step('awaitReady', next, 60 * seconds, 'failed').step('stop', next, seconds);
    told.step('start', old, seconds).step('awaitReady', old, seconds);
    expect(await told.downtime()).toBe(66 * seconds);
  });

  it('26: is none when another instance was ready, or the one that ended never was', async () => {
    const updated = new Told().step('start', next, seconds).step('awaitReady', next, seconds);
    expect(await updated.step('drain', old, seconds).step('stop', old, seconds).downtime()).toBeUndefined();
    const superseded = new Told().step('stop', 'web/1@other', seconds).step('start', next, seconds);
    expect(await superseded.step('awaitReady', next, seconds).downtime()).toBeUndefined();
  });
});

describe('the end of a deploy', () => {
  it('19: says what is still to do when that comes to no end', async () => {
    const action = { kind: 'remove', key: old, service: 'web', reason: 'left over' } as never;
    const last = { steps: [{ id: 'x', after: [], action }], blocked: [], unchanged: [] };
    const { failures } = await new Told().deployment.end(settled({ outcome: 'failed', last, retryMs: 4_000 }));
    expect(failures).toMatchObject([
      { service: 'web', reason: 'does not come to an end; still to do: remove (left over); tried again in 4 s' },
    ]);
  });
});
