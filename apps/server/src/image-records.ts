import type { Store } from '@orca/store';
import type { ImageRecords, Lineage } from './image-collector.ts';

/** Keeps what is remembered of images in the store. What it cannot read counts as not remembered. */
export const openImageRecords = async (store: Store): Promise<ImageRecords> => {
  const pulled = new Map<string, string>();
  for (const { id, value } of await store.list('image')) {
    const image = field(value, 'image');
    if (image !== undefined) pulled.set(id, image);
  }
  const lineage = new Map<string, Lineage>();
  for (const { id, value } of await store.list('lineage')) {
    const current = field(value, 'current');
    if (current !== undefined) lineage.set(id, { current, previous: field(value, 'previous') });
  }
  return {
    pulled,
    lineage,
    setPulled: async (id, image) => {
      await (image === undefined ? store.delete('image', id) : store.put('image', id, { image }));
      setOrDelete(pulled, id, image);
    },
    setLineage: async (service, next) => {
      await (next === undefined ? store.delete('lineage', service) : store.put('lineage', service, next));
      setOrDelete(lineage, service, next);
    },
  };
};

const setOrDelete = <T>(map: Map<string, T>, id: string, value: T | undefined): void => {
  if (value === undefined) map.delete(id);
  else map.set(id, value);
};

const field = (value: unknown, name: string): string | undefined => {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return typeof found === 'string' ? found : undefined;
};
