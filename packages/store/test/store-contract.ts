import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Store } from '@orca/store';

/** What every engine must do. `make` gives an empty store. */
export const storeContract = (engine: string, make: () => Store): void => {
  describe(`a store in ${engine}`, () => {
    let store: Store;
    beforeEach(() => {
      store = make();
    });
    afterEach(() => store.close());

    test('gives a value back as it was put', async () => {
      const value = { text: 'a ü 𝄞 \u0000 "', list: [-0.5, null, false, []], tree: { a: { b: {} } } };
      await store.put('kind', 'id', value);
      expect(await store.get('kind', 'id')).toEqual(value);
    });

    test('has nothing under an id that was never put', async () => {
      expect(await store.get('kind', 'id')).toBeUndefined();
      expect(await store.list('kind')).toEqual([]);
      expect(await store.tail('kind', 10)).toEqual([]);
    });

    test('keeps the last value put', async () => {
      await store.put('kind', 'id', { n: 1 });
      await store.put('kind', 'id', { n: 2 });
      expect(await store.list('kind')).toEqual([{ id: 'id', value: { n: 2 } }]);
    });

    test('does not mix kinds, nor ids with kinds', async () => {
      await store.put('a', 'b:c', { n: 1 });
      await store.put('a:b', 'c', { n: 2 });
      await store.append('a', { n: 3 });
      expect(await store.list('a')).toEqual([{ id: 'b:c', value: { n: 1 } }]);
      expect(await store.get('a:b', 'c')).toEqual({ n: 2 });
      expect(await store.tail('a', 9)).toEqual([{ n: 3 }]);
    });

    test('lists a kind sorted by id, whatever the order it was put in', async () => {
      for (const id of ['b', 'a', 'B', 'a/2', 'ü']) await store.put('kind', id, { id });
      expect((await store.list('kind')).map(({ id }) => id)).toEqual(['B', 'a', 'a/2', 'b', 'ü']);
    });

    test('deletes once, and says whether there was something', async () => {
      await store.put('kind', 'id', { n: 1 });
      expect(await store.delete('kind', 'id')).toBe(true);
      expect(await store.delete('kind', 'id')).toBe(false);
      expect(await store.get('kind', 'id')).toBeUndefined();
    });

    test('returns the end of a journal, oldest first', async () => {
      for (const n of [1, 2, 3, 4]) await store.append('kind', { n });
      await store.append('other', { n: 9 });
      expect(await store.tail('kind', 3)).toEqual([{ n: 2 }, { n: 3 }, { n: 4 }]);
    });

    test('writes several changes in their order', async () => {
      await store.put('kind', 'gone', { n: 0 });
      await store.write([
        { type: 'put', kind: 'kind', id: 'id', value: { n: 1 } },
        { type: 'delete', kind: 'kind', id: 'gone' },
        { type: 'delete', kind: 'kind', id: 'never there' },
        { type: 'append', kind: 'journal', record: { n: 2 } },
        { type: 'put', kind: 'kind', id: 'id', value: { n: 3 } },
        { type: 'append', kind: 'journal', record: { n: 4 } },
      ]);
      expect(await store.list('kind')).toEqual([{ id: 'id', value: { n: 3 } }]);
      expect(await store.tail('journal', 9)).toEqual([{ n: 2 }, { n: 4 }]);
      await store.write([]);
    });

    test('writes nothing of several changes when one of them cannot be written', async () => {
      await store.put('kind', 'id', { n: 1 });
      const writing = store.write([
        { type: 'put', kind: 'kind', id: 'id', value: { n: 2 } },
        { type: 'append', kind: 'journal', record: { n: 2 } },
        { type: 'put', kind: 'kind', id: 'other', value: () => 1 },
      ]);
      await expect(writing).rejects.toMatchObject({ code: 'ORCA_STORE_VALUE_INVALID' });
      expect(await store.list('kind')).toEqual([{ id: 'id', value: { n: 1 } }]);
      expect(await store.tail('journal', 9)).toEqual([]);
      await store.put('kind', 'id', { n: 3 });
    });

    test('refuses what JSON cannot hold, and keeps what was there', async () => {
      await store.put('kind', 'id', { n: 1 });
      await expect(store.put('kind', 'id', () => 1)).rejects.toMatchObject({ code: 'ORCA_STORE_VALUE_INVALID' });
      await expect(store.append('kind', () => 1)).rejects.toMatchObject({ code: 'ORCA_STORE_VALUE_INVALID' });
      expect(await store.get('kind', 'id')).toEqual({ n: 1 });
    });

    test('rejects calls after it was closed, but not a second close', async () => {
      await store.close();
      await store.close();
      await expect(store.get('kind', 'id')).rejects.toMatchObject({ code: 'ORCA_STORE_CLOSED' });
    });
  });
};
