import type { Change, Store } from '@orca/store';
import type { SecretAccess } from './secret-access.ts';

export type RecordStore = Pick<Store, 'list' | 'write'>;

/**
 * A store that keeps names of secrets where a value became part of a text. What cannot be
 * made whole again, because a secret is gone, is kept without probes: what runs goes on, and
 * nothing is judged by a text that nobody knows.
 */
export const withoutSecrets = (store: RecordStore, secrets: Pick<SecretAccess, 'hide' | 'show'>): RecordStore => {
  const filled = new Set<string>();
  const hidden = (change: Change): Change => {
    if (change.type !== 'put' || filled.size === 0) return change;
    return { ...change, value: secrets.hide(change.value, [...filled]) as object };
  };
  return {
    write: (changes) => {
      for (const change of changes)
        if (change.type === 'put') for (const name of filledOf(change.value)) filled.add(name);
      return store.write(changes.map(hidden));
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
