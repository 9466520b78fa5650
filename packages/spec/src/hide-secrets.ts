/**
 * The same data with every value in it replaced by its secret's name, for what is stored and
 * what is hashed. `showSecrets` is its inverse, whatever the texts and the values are.
 */
export function hideSecrets(data: unknown, values: Iterable<readonly [name: string, value: string]>): unknown {
  const longestFirst = [...values].filter(([, value]) => value !== '').toSorted(([, a], [, b]) => b.length - a.length);
  const hide = (text: string): unknown => {
    let parts: readonly Part[] = [text];
    for (const [secret, value] of longestFirst) parts = parts.flatMap((part) => split(part, secret, value));
    const [only] = parts;
    return parts.length === 1 && typeof only === 'string' ? only : { [HIDDEN]: parts };
  };
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return hide(value);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]: [string, unknown]) => [name, walk(inner)]));
  };
  return walk(data);
}

/** Puts the values back in. A name that `values` does not have becomes part of `missing`. */
export function showSecrets(
  data: unknown,
  values: ReadonlyMap<string, string>,
): { readonly value: unknown; readonly missing: readonly string[] } {
  const missing = new Set<string>();
  const valueOf = (part: unknown): string => {
    if (typeof part === 'string') return part;
    const name = typeof part === 'object' && part !== null && 'secret' in part ? String(part.secret) : '';
    const value = values.get(name);
    if (value === undefined) missing.add(name);
    return value ?? '';
  };
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    const parts: unknown = Reflect.get(value, HIDDEN);
    if (Array.isArray(parts)) return parts.map(valueOf).join('');
    return Object.fromEntries(Object.entries(value).map(([name, inner]: [string, unknown]) => [name, walk(inner)]));
  };
  const value = walk(data);
  return { value, missing: [...missing] };
}

type Part = string | { readonly secret: string };

/** No field of a spec, and nothing that a user may name, is called like this. */
const HIDDEN = '$parts';

const split = (part: Part, secret: string, value: string): readonly Part[] =>
  typeof part === 'string'
    ? part
        .split(value)
        .flatMap((piece, at): readonly Part[] => (at === 0 ? [piece] : [{ secret }, piece]))
        .filter((piece) => piece !== '' || part === '')
    : [part];
