import type { RawFields } from './upstream.ts';

/** The first value of a field, by its lower-case name. */
export const fieldValue = (fields: RawFields, name: string): string | undefined => {
  for (let i = 0; i < fields.length; i += 2) if (isNamed(fields[i], name)) return fields[i + 1];
  return undefined;
};

/** All values of a field, in order. */
export const fieldValues = (fields: RawFields, name: string): readonly string[] => {
  const values: string[] = [];
  for (let i = 0; i < fields.length; i += 2) if (isNamed(fields[i], name)) values.push(fields[i + 1] ?? '');
  return values;
};

const isNamed = (field: string | undefined, name: string): boolean =>
  field !== undefined && field.length === name.length && field.toLowerCase() === name;
