import type { Store } from '@orca/store';
import type { SecretAccess } from './secret-access.ts';

export type RecordStore = Pick<Store, 'list' | 'put' | 'delete'>;

/**
 * A store that keeps names of secrets where a value became part of a text. What cannot be
 * made whole again, because a secret is gone, is kept without probes: what runs goes on, and
 * nothing is judged by a text that nobody knows.
 */
export const withoutSecrets = (store: RecordStore, secrets: Pick<SecretAccess, 'hide' | 'show'>): RecordStore => {
  const filled = new Set<string>();
  return {
    delete: (kind, id) => store.delete(kind, id),
    put: (kind, id, value) => {
      for (const name of filledOf(value)) filled.add(name);
      return store.put(kind, id, filled.size === 0 ? value : (secrets.hide(value, [...filled]) as object));
    },
    list: async (kind) => {
      const found = await store.list(kind);
      return Promise.all(
        found.map(async (entry) => {
          if (!JSON.stringify(entry.value).includes('"$parts"')) return entry;
          const { value, missing } = await secrets
            .show(entry.value)
            .catch(() => ({ value: entry.value, missing: ['*'] }));
          for (const name of filledOf(value)) filled.add(name);
          return { ...entry, value: missing.length === 0 ? value : unprobed(value) };
        }),
      );
    },
  };
};

const filledOf = (record: unknown): readonly string[] => {
  const spec = typeof record === 'object' && record !== null && 'spec' in record ? record.spec : undefined;
  const names = typeof spec === 'object' && spec !== null && 'filled' in spec ? spec.filled : undefined;
  return Array.isArray(names) ? names.map(String) : [];
};

const unprobed = (record: unknown): unknown => {
  if (typeof record !== 'object' || record === null || !('spec' in record)) return record;
  const { spec } = record;
  return typeof spec === 'object' && spec !== null
    ? { ...record, spec: { ...spec, liveness: undefined, readiness: undefined } }
    : record;
};
