import { kindOf } from './read.ts';
import { readTable, type Keys, optional, type Read } from './table.ts';
import { isTable, type TomlValue } from './toml.ts';

// Readers of keys whose feature is still to come: the type is checked, the meaning is not.

export const anyText: Read<string> = (value, at) => {
  return typeof value === 'string' ? value : at.error(`must be a string, not ${kindOf(value)}`);
};

export const anyNumber: Read<number> = (value, at) => {
  return typeof value === 'number' ? value : at.error(`must be a number, not ${kindOf(value)}`);
};

export const anyFlag: Read<boolean> = (value, at) => {
  return typeof value === 'boolean' ? value : at.error(`must be true or false, not ${kindOf(value)}`);
};

/** A table of known keys, each optional. */
export function looseTable(title: string, reads: Readonly<Record<string, Read<unknown>>>): Read<unknown> {
  const keys: Keys = Object.fromEntries(Object.entries(reads).map(([name, read]) => [name, optional(read)]));
  return (value, at) => {
    return isTable(value) ? readTable({ title, keys }, value, at) : at.error(`must be a table: write ${title}`);
  };
}

/** A table whose names are the user's own, for example labels. */
export const anyTextTable: Read<unknown> = (value, at) => {
  if (!isTable(value)) return at.error(`must be a table, not ${kindOf(value)}`);
  for (const [name, element] of Object.entries(value)) anyText(element, at.at(name));
  return value;
};

/** Accepted when any of the readers' kinds fits; `form` ends the sentence "must be …". */
export function either(form: string, ...fits: readonly ((value: TomlValue) => boolean)[]): Read<unknown> {
  return (value, at) => (fits.some((fit) => fit(value)) ? value : at.error(`must be ${form}, not ${kindOf(value)}`));
}
