import type { SecretSource } from './ports.ts';
import type { SecretValue } from './secret-value.ts';

export type Resolution =
  | { readonly ok: true; readonly values: ReadonlyMap<string, SecretValue> }
  | { readonly ok: false; readonly missing: readonly string[] };

/** Finds all the names, each in the first source that has it; or says which are in none, sorted. */
export async function resolveSecrets(names: readonly string[], sources: readonly SecretSource[]): Promise<Resolution> {
  const values = new Map<string, SecretValue>();
  const missing: string[] = [];
  for (const name of new Set(names)) {
    const value = await firstOf(name, sources);
    if (value === undefined) missing.push(name);
    else values.set(name, value);
  }
  return missing.length === 0 ? { ok: true, values } : { ok: false, missing: missing.toSorted() };
}

const firstOf = async (name: string, sources: readonly SecretSource[]): Promise<SecretValue | undefined> => {
  for (const source of sources) {
    const value = await source.get(name);
    if (value !== undefined) return value;
  }
  return undefined;
};
