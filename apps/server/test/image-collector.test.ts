import { beforeEach, describe, expect, it } from '@jest/globals';
import { createStore, type Store } from '@orca/store';
import { ImageCollector } from '../src/image-collector.ts';
import { openImageRecords } from '../src/image-records.ts';

const { signal } = new AbortController();

/** An engine that has images and containers, and nothing else. */
class Engine {
  readonly images = new Map<string, string>();
  readonly inUse = new Set<string>();
  readonly held = new Set<string>();
  isDown = false;

  pull(image: string, id: string): { readonly image: string; readonly id: string } {
    for (const [known, name] of this.images) if (name === image) this.images.set(known, '');
    this.images.set(id, image);
    return { image, id };
  }

  async imageId(image: string): Promise<string | undefined> {
    return [...this.images].find(([, name]) => name === image)?.[0];
  }

  async imagesInUse(): Promise<ReadonlySet<string>> {
    if (this.isDown) throw new Error('the engine does not answer');
    return this.inUse;
  }

  async removeImage(id: string): Promise<'removed' | 'kept'> {
    if (this.held.has(id)) return 'kept';
    this.images.delete(id);
    return 'removed';
  }
}

describe('43: images', () => {
  let store: Store;
  let engine: Engine;
  let now: number;
  let specs: { image: string }[];
  let removed: string[];
  const open = async (): Promise<ImageCollector> =>
    new ImageCollector({
      records: await openImageRecords(store),
      runtime: engine,
      specs: () => specs,
      now: () => now,
      youngMs: 60_000,
      onRemoved: ({ image }) => removed.push(image),
    });
  const roll = async (collector: ImageCollector, image: string, id: string): Promise<void> => {
    await collector.pulled(engine.pull(image, id));
    engine.inUse.clear();
    engine.inUse.add(id);
    specs = [{ image }];
    await collector.proven('web', id);
    now += 120_000;
  };

  beforeEach(() => {
    store = createStore({ path: ':memory:' });
    engine = new Engine();
    [now, specs, removed] = [0, [], []];
  });

  it('keep the one that is proven and the one before it, and lose those before', async () => {
    const collector = await open();
    for (const version of [1, 2, 3, 4]) await roll(collector, `app:${version}`, `id${version}`);
    await collector.collect(signal);
    expect(removed).toEqual(['app:1', 'app:2']);
    expect([...engine.images.values()]).toEqual(['app:3', 'app:4']);
  });

  it('of a tag that moved are told apart by their content', async () => {
    const collector = await open();
    for (const version of [1, 2, 3]) await roll(collector, 'app:latest', `id${version}`);
    await collector.collect(signal);
    expect([...engine.images.keys()]).toEqual(['id2', 'id3']);
  });

  it('that orca did not pull are never removed', async () => {
    const collector = await open();
    engine.images.set('theirs', 'postgres:16');
    await collector.proven('web', 'theirs');
    await roll(collector, 'app:1', 'id1');
    await roll(collector, 'app:2', 'id2');
    await collector.collect(signal);
    expect(removed).toEqual([]);
    expect(engine.images.has('theirs')).toBe(true);
  });

  it('that a container of anybody was made from stay, and go when it is gone', async () => {
    const collector = await open();
    for (const version of [1, 2, 3]) await roll(collector, `app:${version}`, `id${version}`);
    engine.inUse.add('id1');
    await collector.collect(signal);
    expect(removed).toEqual([]);
    engine.inUse.delete('id1');
    await roll(collector, 'app:4', 'id4');
    await collector.collect(signal);
    expect(removed).toEqual(['app:1', 'app:2']);
  });

  it('that somebody gave another name are theirs from then on', async () => {
    const collector = await open();
    for (const version of [1, 2, 3]) await roll(collector, `app:${version}`, `id${version}`);
    engine.held.add('id1');
    await collector.collect(signal);
    engine.held.delete('id1');
    await roll(collector, 'app:4', 'id4');
    await collector.collect(signal);
    expect(removed).toEqual(['app:2']);
  });

  it('that were pulled a moment ago may belong to a deploy that is not written down yet', async () => {
    const collector = await open();
    await collector.pulled(engine.pull('app:1', 'id1'));
    await collector.collect(signal);
    expect(removed).toEqual([]);
    now += 120_000;
    await collector.collect(signal);
    expect(removed).toEqual(['app:1']);
  });

  it('are remembered over a restart, also when the engine was away at the time', async () => {
    const first = await open();
    for (const version of [1, 2, 3]) await roll(first, `app:${version}`, `id${version}`);
    engine.isDown = true;
    await expect(first.collect(signal)).rejects.toThrow('does not answer');
    engine.isDown = false;
    const second = await open();
    await second.collect(signal);
    expect(removed).toEqual(['app:1']);
  });

  it('of a service that was removed go, unless another one names them', async () => {
    const collector = await open();
    await roll(collector, 'app:1', 'id1');
    engine.inUse.clear();
    await collector.forget('web');
    await collector.collect(signal);
    expect(removed).toEqual([]);
    specs = [];
    await collector.forget('web');
    await collector.proven('other', 'x');
    await collector.collect(signal);
    expect(removed).toEqual(['app:1']);
  });
});
