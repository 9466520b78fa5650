import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { revision, type DesiredService } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';
import { createStore, type Store } from '@orca/store';
import { openAccepted, type Accepted } from '../src/accepted.ts';
import { overtaken, promising, takeBack } from '../src/call-off.ts';
import { stillToMakeAnew } from '../src/order.ts';
import type { PromiseDraft } from '../src/promised.ts';
import { createRecords, type Records } from '../src/records.ts';
import { desiredService as service } from './a-desired-service.ts';

describe('calling off', () => {
  let dir: string;
  let store: Store;
  let records: Records;
  let accepted: Accepted;
  const revisions = (from: Accepted = accepted): Readonly<Record<string, string>> =>
    Object.fromEntries(from.services().map((d) => [d.spec.name, d.revision]));
  const deploy = (...services: readonly DesiredService<ServiceSpec>[]): ReturnType<typeof promising> =>
    promising(
      accepted,
      services.map((d) => d.spec.name),
      (draft) => draft.accept(services),
    );

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'orca-call-off-'));
    store = createStore({ path: join(dir, 'orca.db') });
    records = createRecords(store, { hide: (data) => data, show: async (value) => ({ value, missing: [] }) });
    accepted = await openAccepted(records);
  });
  afterEach(async () => {
    await store.close();
    rmSync(dir, { recursive: true });
  });

  it('9: goes back to what was promised before, also after a restart', async () => {
    await deploy(service('web', 'one'));
    const before = await deploy(service('web', 'two'));
    expect((await takeBack(before, ['web'], { accepted, seen: [] })).names).toEqual(['web']);
    expect(revisions()).toEqual({ web: 'one' });
    expect(revisions(await openAccepted(records))).toEqual({ web: 'one' });
  });

  it('says that nothing was changed when what is asked for cannot be written down', async () => {
    const full = (): Promise<never> => Promise.reject(new Error('/home/orca.db: database or disk is full'));
    accepted = await openAccepted({ ...records, write: full });
    await expect(deploy(service('web', 'one'))).rejects.toThrow(
      'nothing was changed, because what was asked for cannot be written down: /home/orca.db: database or disk is full; when that is mended, ask again',
    );
    expect(revisions()).toEqual({});
  });

  it('9: leaves alone what somebody else asked for since, even if it is the same', async () => {
    await deploy(service('web', 'one'));
    const older = await deploy(service('web', 'two'));
    await deploy(service('web', 'three'));
    expect((await takeBack(older, ['web'], { accepted, seen: [] })).names).toEqual([]);
    expect(revisions()).toEqual({ web: 'three' });
    await deploy(service('web', 'two'));
    expect((await takeBack(older, ['web'], { accepted, seen: [] })).names).toEqual([]);
    expect(revisions()).toEqual({ web: 'two' });
  });

  it('32: a new instance that is called off is not made by the next deploy either', async () => {
    await deploy(service('web', 'one'));
    const before = await promising(accepted, ['web'], (draft) => {
      draft.bump(['web']);
      draft.accept([service('web', 'two')]);
    });
    expect(accepted.generationOf('web')).toBe(1);
    await takeBack(before, ['web'], { accepted, seen: [] });
    for (const now of [accepted, await openAccepted(records)]) expect(now.generationOf('web')).toBe(0);
  });

  it('32: who asks for a new instance while another one is made gets it, also when that one is called off', async () => {
    const anew = (rev: string): ReturnType<typeof promising> =>
      promising(accepted, ['web'], (draft) => {
        draft.bump(['web']);
        draft.accept([service('web', rev)]);
      });
    const ask = (): ReadonlyMap<string, number> => new Map([['web', accepted.generationOf('web')]]);
    await deploy(service('web', 'one'));
    const first = ask();
    const before = await anew('two');
    const second = ask();
    // What the first one asked for is under way by now.
    expect([...stillToMakeAnew(first, accepted)]).toEqual([]);
    expect([...stillToMakeAnew(second, accepted)]).toEqual(['web']);
    await takeBack(before, ['web'], { accepted, seen: [] });
    for (const asked of [first, second]) expect([...stillToMakeAnew(asked, accepted)]).toEqual(['web']);
  });

  it('20: a stop that is called off is not remembered, and takes nothing away', async () => {
    await deploy(service('web', 'one'));
    const before = await promising(accepted, ['web'], (draft) => draft.setPaused('web', true));
    await takeBack(before, ['web'], { accepted, seen: [] });
    for (const now of [accepted, await openAccepted(records)]) {
      expect(revisions(now)).toEqual({ web: 'one' });
      expect(now.isPaused('web')).toBe(false);
      expect([...now.scope()]).toEqual(['web']);
    }
  });

  it('16: a removal that is called off keeps the service', async () => {
    await deploy(service('web', 'one'));
    const before = await promising(accepted, ['web'], (draft) => draft.remove(['web']));
    await takeBack(before, ['web'], { accepted, seen: [] });
    for (const now of [accepted, await openAccepted(records)]) expect(revisions(now)).toEqual({ web: 'one' });
  });

  it('16: a removal that is called off keeps the form to go back to as well', async () => {
    await deploy(service('web', 'one'));
    await accepted.promise((draft) => draft.markGood('web'));
    await deploy(service('web', 'two'));
    const before = await promising(accepted, ['web'], (draft) => draft.remove(['web']));
    await takeBack(before, ['web'], { accepted, seen: [] });
    for (const now of [accepted, await openAccepted(records)])
      expect(now.services()[0]?.lastGood?.revision).toBe('one');
  });

  it('29: what failed before is not tried again because the deploy after it is called off', async () => {
    const failed = { revision: revision('two'), reason: 'exited with code 1' };
    const deployments: readonly ((draft: PromiseDraft) => void)[] = [
      (draft) => draft.accept([service('web', 'three')]),
      (draft) => draft.remove(['web']),
      (draft) => draft.setPaused('web', true),
    ];
    for (const next of deployments) {
      await deploy(service('web', 'two'));
      accepted.quarantine.set('web', failed);
      const before = await promising(accepted, ['web'], (draft) => {
        next(draft);
        draft.tryAgain(['web']);
      });
      expect(accepted.quarantine.get('web')).toBeUndefined();
      await takeBack(before, ['web'], { accepted, seen: [] });
      for (const now of [accepted, await openAccepted(records)]) expect(now.quarantine.get('web')).toEqual(failed);
    }
  });

  it('29: what failed since is remembered when it is called off', async () => {
    await deploy(service('web', 'one'));
    const before = await deploy(service('web', 'two'));
    accepted.quarantine.set('web', { revision: revision('two'), reason: 'exited with code 1' });
    await takeBack(before, ['web'], { accepted, seen: [] });
    expect(accepted.quarantine.get('web')?.revision).toBe('two');
  });

  it('16: a first deploy that is called off is taken away', async () => {
    const before = await deploy(service('web', 'one'));
    await takeBack(before, ['web'], { accepted, seen: [] });
    expect(revisions()).toEqual({});
    expect([...accepted.scope()]).toEqual(['web']);
  });

  it('9: knows when somebody else wants something different, and when it is the same', async () => {
    await deploy(service('web', 'one'));
    const older = await deploy(service('web', 'two'));
    await deploy(service('web', 'two'));
    expect(overtaken(older, accepted)).toEqual([]);
    await accepted.promise((draft) => draft.setPaused('web', true));
    expect(overtaken(older, accepted)).toEqual(['web']);
    await accepted.promise((draft) => draft.setPaused('web', false));
    await deploy(service('web', 'three'));
    expect(overtaken(older, accepted)).toEqual(['web']);
    const removal = await promising(accepted, ['web'], (draft) => draft.remove(['web']));
    await accepted.promise((draft) => draft.forget('web'));
    expect(overtaken(removal, accepted)).toEqual([]);
  });

  it('15: goes back with all services when the disk is full, says what was not written down, and writes it with the next change', async () => {
    await deploy(service('api', 'one'), service('web', 'one'));
    let isFull = false;
    const full: Records = {
      ...records,
      write: (...args) => (isFull ? Promise.reject(new Error('disk is full')) : records.write(...args)),
    };
    accepted = await openAccepted(full);
    const before = await promising(accepted, ['api', 'web', 'new'], (draft) => {
      draft.accept([service('api', 'two'), service('web', 'two'), service('new', 'two')]);
      draft.setPaused('web', true);
    });
    isFull = true;
    const back = await takeBack(before, ['new', 'api', 'web'], { accepted, seen: [] });
    expect(back).toEqual({ names: ['new', 'api', 'web'], fault: new Error('disk is full') });
    expect(revisions()).toEqual({ api: 'one', web: 'one' });
    expect(revisions(await openAccepted(records))).toEqual({ api: 'two', web: 'two', new: 'two' });
    isFull = false;
    await deploy(service('web', 'three'));
    const next = await openAccepted(records);
    expect(next.get('web')?.revision).toBe('three');
    expect(next.isPaused('web')).toBe(false);
  });
});
