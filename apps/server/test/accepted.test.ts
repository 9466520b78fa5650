import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { revision } from '@orca/reconcile';
import { createStore, type Store } from '@orca/store';
import { openAccepted, type Accepted } from '../src/accepted.ts';
import { promising } from '../src/call-off.ts';
import { createRecords } from '../src/records.ts';
import { desiredService as service } from './a-desired-service.ts';

const names = ['anew', 'gone', 'failed', 'stopped', 'first'];

describe('what is promised', () => {
  let store: Store;
  /** Writes that the disk still takes. */
  let room: number;
  beforeEach(() => {
    room = Infinity;
    store = createStore({ path: ':memory:' });
  });
  afterEach(() => store.close());

  const open = (onChange?: () => void): Promise<Accepted> => {
    const limited = async <T>(write: () => Promise<T>): Promise<T> => {
      room -= 1;
      if (room < 0) throw new Error('database or disk is full');
      return write();
    };
    const disk: Store = {
      ...store,
      put: (...args) => limited(() => store.put(...args)),
      delete: (...args) => limited(() => store.delete(...args)),
      write: (...args) => limited(() => store.write(...args)),
    };
    const inClear = { hide: (data: unknown) => data, show: async (value: unknown) => ({ value, missing: [] }) };
    return openAccepted(createRecords(disk, inClear), onChange);
  };
  /** What was read back has the version of its row besides. */
  const withoutVersion = (key: string, value: unknown): unknown => (key === 'version' ? undefined : value);
  const stateOf = (accepted: Accepted): readonly unknown[] =>
    names.map((name): unknown => JSON.parse(JSON.stringify(accepted.promised(name), withoutVersion)));

  /** Something of everything that a promise may be. */
  const prepared = async (): Promise<void> => {
    const accepted = await open();
    const known = names.filter((name) => name !== 'first');
    await accepted.promise((draft) => {
      draft.accept(known.map((name) => service(name, 'one')));
      for (const name of known) draft.markGood(name);
      draft.setPaused('stopped', true);
    });
    accepted.quarantine.set('failed', { revision: revision('one'), reason: 'exited with code 1' });
    // It is written by itself; what is asked for after it is written after it.
    await accepted.promise((draft) => draft.bump(['stopped']));
  };
  const deploy = (accepted: Accepted): Promise<unknown> =>
    promising(accepted, names, (draft) => {
      draft.bump(['anew']);
      draft.accept(['anew', 'failed', 'stopped', 'first'].map((name) => service(name, 'two')));
      draft.remove(['gone']);
      draft.setPaused('stopped', false);
      draft.tryAgain(['failed']);
    });

  it('15: is all of a deploy or nothing, at whichever write the disk is full, also after a new start', async () => {
    let isDone = false;
    let refused = 0;
    for (let taken = 0; !isDone; taken += 1) {
      await store.close();
      store = createStore({ path: ':memory:' });
      room = Infinity;
      await prepared();
      let told = 0;
      const accepted = await open(() => (told += 1));
      const before = stateOf(accepted);
      room = taken;
      isDone = await deploy(accepted).then(
        () => true,
        (error: unknown) => {
          const cause = new Error('database or disk is full');
          expect(error).toMatchObject({ code: 'ORCA_SERVER_NOT_WRITTEN', cause });
          refused += 1;
          return false;
        },
      );
      const now = stateOf(accepted);
      room = Infinity;
      expect(stateOf(await open())).toEqual(now);
      if (isDone) {
        expect(now).not.toEqual(before);
        expect(told).toBe(1);
      } else {
        expect(now).toEqual(before);
        expect(told).toBe(0);
      }
    }
    expect(refused).toBeGreaterThan(0);
  });

  it('is what earlier versions wrote down, row by row', async () => {
    const { spec, revision: two, order, isRouted, stopGraceMs } = service('web', 'two');
    const record = { version: 1, spec, revision: two, order, isRouted, stopGraceMs };
    await store.put('accepted', 'web', record);
    await store.put('good', 'web', { ...record, revision: 'one' });
    await store.put('paused', 'web', { version: 1 });
    await store.put('generation', 'web', { version: 1, count: 3 });
    await store.put('quarantine', 'web', { version: 1, revision: 'two', reason: 'exited with code 1' });
    await store.put('removed', 'gone', { version: 1 });
    await store.put('accepted', 'later', { version: 2 });
    const accepted = await open();
    expect(accepted.promised('web')).toMatchObject({
      record: { revision: 'two' },
      good: { revision: 'one' },
      isPaused: true,
      isRemoved: false,
      generation: 3,
      failed: { revision: 'two', reason: 'exited with code 1' },
    });
    expect([...accepted.scope()].toSorted()).toEqual(['gone', 'web']);
    await accepted.promise((draft) => draft.setPaused('web', false));
    expect(await store.list('paused')).toEqual([]);
    // What it could not read it still takes away.
    await accepted.promise((draft) => draft.remove(['later']));
    expect(await store.get('accepted', 'later')).toBeUndefined();
    expect(await store.get('accepted', 'web')).toEqual(JSON.parse(JSON.stringify(record)));
  });

  it('knows why a service is replaced, also after a new start, until something else is the reason', async () => {
    const accepted = await open();
    const reasons = async (): Promise<readonly unknown[]> => (await open()).services().map(({ change }) => change);
    await accepted.promise((draft) => draft.accept([service('web', 'one')]));
    expect(await reasons()).toEqual([undefined]);
    await accepted.promise((draft) => draft.accept([{ ...service('web', 'two'), change: 'is asked for anew' }]));
    expect(accepted.services()).toMatchObject([{ change: 'is asked for anew' }]);
    expect(await reasons()).toEqual(['is asked for anew']);
    // A deploy that finds it as it wants it, while it is being made.
    await accepted.promise((draft) => draft.accept([service('web', 'two')]));
    expect(await reasons()).toEqual(['is asked for anew']);
    await accepted.promise((draft) => draft.accept([service('web', 'three')]));
    expect(await reasons()).toEqual([undefined]);
  });

  it('29: does not forget what failed while a deploy was written down', async () => {
    await prepared();
    const accepted = await open();
    const failed = { revision: revision('two'), reason: 'ran out of memory' };
    const deploying = deploy(accepted);
    accepted.quarantine.set('anew', failed);
    await deploying;
    expect(accepted.promised('anew')).toMatchObject({ record: { revision: 'two' }, failed });
    await accepted.promise((draft) => draft.forget('gone'));
    expect((await open()).promised('anew')).toMatchObject({ record: { revision: 'two' }, failed });
  });
});
