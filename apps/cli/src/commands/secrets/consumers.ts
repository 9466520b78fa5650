import { loadInfra } from '@orca/spec/files';

/** Who uses a secret. */
export interface Consumers {
  /** Services and parts of cluster.toml, by the secret's name, sorted. */
  of(name: string): readonly string[];
  /** Some file could not be read: what it uses is not known. */
  readonly isComplete: boolean;
}

export const findConsumers = async (root: string): Promise<Consumers> => {
  const loaded = await loadInfra(root);
  const byName = new Map<string, Set<string>>();
  for (const { name, service } of loaded.uses) {
    const users = byName.get(name) ?? new Set();
    byName.set(name, users.add(service ?? 'cluster.toml'));
  }
  // A value that the text cannot be judged without is no fault here, nor that there is no service yet: nothing uses anything.
  const isComplete =
    loaded.ok || !loaded.issues.some(({ severity, file }) => severity === 'error' && file !== 'services');
  return { of: (name) => [...(byName.get(name) ?? [])].toSorted(), isComplete };
};
