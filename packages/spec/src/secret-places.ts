import { compare, type Fault } from './faults.ts';
import type { SecretUse, SpecFile } from './model.ts';
import { type Filling, hideValues, type SecretValues, startsWith } from './secret-fill.ts';
import type { TomlTable } from './toml.ts';

/** Names of the secrets that were filled into the text of the service at this index. */
export function filledIn({ uses }: Filling, index: number): readonly string[] {
  const own = uses.filter(({ path, isFilled }) => isFilled && startsWith(path, ['service', index]));
  return [...new Set(own.map(({ name }) => name))].toSorted(compare);
}

/** What is left to report: nothing about a text that could not be known, and nothing that shows a value. */
export function judged(faults: readonly Fault[], filling: Filling | undefined, values: SecretValues): readonly Fault[] {
  if (filling === undefined) return faults;
  const isKnown = ({ path }: Fault): boolean => !filling.unknown.some((unknown) => startsWith(path, unknown));
  return hideValues(faults.filter(isKnown), filling.uses, values);
}

export function usesIn(
  { path: file }: SpecFile,
  { uses }: Filling,
  tables: readonly TomlTable[],
): readonly SecretUse[] {
  return uses.map(({ name, path, isFilled }) => {
    const table = path[0] === 'service' && typeof path[1] === 'number' ? tables[path[1]] : undefined;
    const called = table?.['name'];
    const service = table === undefined ? undefined : typeof called === 'string' ? called : '(without a name)';
    return { name, service, file, path, isFilled, isUnused: false };
  });
}
