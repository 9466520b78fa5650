/** The value at a path of keys in parsed JSON; `undefined` where the path leads nowhere. */
export const valueAt = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? new Map(Object.entries(inner)).get(key) : undefined),
    value,
  );

export const textAt = (value: unknown, ...path: readonly string[]): string | undefined => {
  const found = valueAt(value, ...path);
  return typeof found === 'string' ? found : undefined;
};

export const numberAt = (value: unknown, ...path: readonly string[]): number | undefined => {
  const found = valueAt(value, ...path);
  return typeof found === 'number' ? found : undefined;
};

export const listAt = (value: unknown, ...path: readonly string[]): readonly unknown[] => {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found : [];
};

/** JSON lines, without those that are cut off or are none. */
export const parseLines = (text: string): readonly unknown[] =>
  text.split('\n').flatMap((line): readonly unknown[] => {
    try {
      return line === '' ? [] : [JSON.parse(line)];
    } catch {
      // The last line of a log that is being written.
      return [];
    }
  });
