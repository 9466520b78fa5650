import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServiceSpec } from '@orca/spec';
import { createStore, type Store } from '@orca/store';
import { openAccepted, type Accepted } from '../src/accepted.ts';
import { overtaken, promising, takeBack, type Before } from '../src/call-off.ts';
import { digestsOf, revisionWith, type Service } from '../src/desired.ts';
import { createRecords } from '../src/records.ts';
import { createSecretRotation, type SecretRotation } from '../src/secret-rotation.ts';
import { SingleFile } from '../src/single-file.ts';
import { specFrom } from './a-desired-service.ts';

const inClear = { hide: (data: unknown) => data, show: async (value: unknown) => ({ value, missing: [] }) };

const specOf = (form: string): ServiceSpec =>
  specFrom(
    `[[service]]\nname = "web"\nimage = "app:1"\nauto_redeploy = true\n[service.env]\nFORM = "${form}"\nA = "\${secrets.A}"`,
  );

describe('a changed secret', () => {
  let store: Store;
  let isFull: boolean;
  let accepted: Accepted;
  let orders: SingleFile;
  let rotation: SecretRotation;
  /** The secret's digest, and what tells that the file is another one. */
  let now: string;
  let told: string[];
  let refreshed: number;
  const signal = new AbortController().signal;

  beforeEach(async () => {
    store = createStore({ path: ':memory:' });
    isFull = false;
    const write: Store['write'] = (changes) =>
      isFull ? Promise.reject(new Error('database or disk is full')) : store.write(changes);
    const records = createRecords({ ...store, write }, inClear);
    accepted = await openAccepted(records);
    orders = new SingleFile();
    now = 'first';
    told = [];
    refreshed = 0;
    rotation = createSecretRotation({
      accepted,
      orders,
      secrets: {
        refresh: async () => void (refreshed += 1),
        digests: async (names) => Object.fromEntries(names.map((name) => [name, now])),
        hide: inClear.hide,
      },
      images: { imageId: async () => undefined },
      stamp: async () => now,
      recorded: async (name) => (await records.load()).get(name)?.record?.spec,
      onRedeploy: (service) => void told.push(service),
    });
    await deploy('one', now);
    await rotation.look(signal);
  });
  afterEach(() => store.close());

  /** As the files and the secrets were when it read them. */
  const deploy = (form: string, digest: string, filled?: readonly string[]): Promise<Before> =>
    promising(accepted, ['web'], (draft) => draft.accept([serviceOf(form, digest, filled)]));
  const serviceOf = (form: string, digest: string, filled?: readonly string[]): Service => {
    const spec = { ...specOf(form), ...(filled && { filled }) };
    const secretDigests = digestsOf(spec, { A: digest });
    return {
      spec,
      secretDigests,
      imageId: undefined,
      revision: revisionWith(spec, { imageId: '', secretDigests, generation: 0 }, inClear),
      order: { kind: 'start-first', reason: 'for the test' },
      claims: [],
      isRouted: false,
      isPaused: false,
      stopGraceMs: 1000,
    };
  };
  const promised = (): readonly unknown[] => {
    const { spec, secretDigests } = accepted.get('web') ?? {};
    return [JSON.stringify(spec?.env['FORM']).includes('one') ? 'one' : 'two', secretDigests?.['A']];
  };

  it('33: waits for its turn among the orders, and is known to the next one', async () => {
    now = 'second';
    const free = Promise.withResolvers<void>();
    const before = orders.run(() => free.promise);
    const looking = rotation.look(signal);
    // Whatever it does without its turn, it has done by then.
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
    expect(promised()).toEqual(['one', 'first']);
    const next = orders.run(async () => [...promised(), ...told]);
    free.resolve();
    await Promise.all([before, looking]);
    expect(await next).toEqual(['one', 'second', 'web']);
    expect(accepted.get('web')?.change).toBe('secret A changed');
  });

  it('33: is taken into use also by what was deployed with the value before it, at the same moment', async () => {
    const read = Promise.withResolvers<void>();
    const deploying = orders.run(async () => {
      const digest = now;
      await read.promise;
      await deploy('two', digest);
    });
    await new Promise(setImmediate);
    now = 'second';
    const looking = rotation.look(signal);
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
    read.resolve();
    await Promise.all([deploying, looking]);
    await rotation.look(signal);
    expect(promised()).toEqual(['two', 'second']);
  });

  it('33: is taken into use when the deploy that brought it is called off', async () => {
    now = 'second';
    const before = await deploy('two', now);
    await rotation.look(signal);
    expect(told).toEqual([]);
    await takeBack(before, ['web'], { accepted, seen: [] });
    expect(promised()).toEqual(['one', 'first']);
    await rotation.look(signal);
    expect(promised()).toEqual(['one', 'second']);
    expect(told).toEqual(['web']);
  });

  it('9, 33: is no newer wish: it keeps no deploy from being called off', async () => {
    const before = await deploy('two', now);
    now = 'second';
    await rotation.look(signal);
    expect(promised()).toEqual(['two', 'second']);
    expect(overtaken(before, accepted)).toEqual([]);
    await takeBack(before, ['web'], { accepted, seen: [] });
    await rotation.look(signal);
    expect(promised()).toEqual(['one', 'second']);
  });

  it('9, 33: does not bring back what was called off when that could not be written down', async () => {
    await deploy('one', now, ['A']);
    const before = await deploy('two', now, ['A']);
    isFull = true;
    const { fault } = await takeBack(before, ['web'], { accepted, seen: [] });
    expect(fault).toEqual(new Error('database or disk is full'));
    now = 'second';
    await expect(rotation.look(signal)).rejects.toThrow('disk is full');
    expect(promised()).toEqual(['one', 'first']);
    isFull = false;
    await rotation.look(signal);
    expect(promised()).toEqual(['one', 'second']);
  });

  it('33: is looked at once for each change of secrets or promises', async () => {
    now = 'second';
    for (let look = 0; look < 3; look += 1) await rotation.look(signal);
    expect([refreshed, told]).toEqual([2, ['web']]);
    await deploy('two', now);
    for (let look = 0; look < 3; look += 1) await rotation.look(signal);
    expect([refreshed, told]).toEqual([3, ['web']]);
  });
});
