import { createPlace, type Place } from './faults.ts';
import { nearest } from './nearest.ts';
import { isTable, type TomlTable, type TomlValue } from './toml.ts';

/** Turns a TOML value into one of ours. On a fault it reports at `at` and gives `undefined`. */
export type Read<T> = (value: TomlValue, at: Place) => T | undefined;

/** One row of a key table: how the key is read, and what its absence means. */
export interface Key<T> {
  readonly read: Read<T>;
  readonly fallback: T;
  readonly required: boolean;
  /** The feature behind the key is still to be built: the key is checked, then warned about. */
  readonly later: string | undefined;
}

/** A TOML table as data: validation, unknown-key errors and warnings all come from its rows. */
export interface TableSpec<K extends Keys> {
  /** As its user writes it: `[[service]]`. */
  readonly title: string;
  readonly keys: K;
  /** Keys that leave no trace in the spec yet: their type is checked, then they are warned about. */
  readonly later?: Readonly<Record<string, LaterKey>>;
  /** Keys that other tools have: what to write here instead. */
  readonly instead?: Readonly<Record<string, string>>;
}
export interface LaterKey {
  readonly feature: string;
  readonly read: Read<unknown>;
}
export type Keys = Readonly<Record<string, Key<unknown>>>;
export type Values<K extends Keys> = { readonly [P in keyof K]: K[P] extends Key<infer T> ? T : never };

/** How the warning begins about a key whose feature is still to come. */
export const NOT_YET = 'not supported yet: ';

export function withDefault<T>(read: Read<T>, fallback: NoInfer<T>): Key<T> {
  return { read, fallback, required: false, later: undefined };
}
export function optional<T>(read: Read<T>): Key<T | undefined> {
  return { read, fallback: undefined, required: false, later: undefined };
}
export function required<T>(read: Read<T>): Key<T | undefined> {
  return { read, fallback: undefined, required: true, later: undefined };
}
/** Marks a key whose effect is still to come. */
export function later<T>(feature: string, key: Key<T>): Key<T> {
  return { ...key, later: feature };
}

// The overload ties the result to the rows; the body can only know that it filled in every one of them.
export function readTable<K extends Keys>(spec: TableSpec<K>, values: TomlTable, at: Place): Values<K>;
export function readTable(spec: TableSpec<Keys>, values: TomlTable, at: Place): Record<string, unknown> {
  for (const [name, value] of Object.entries(values)) {
    if (!Object.hasOwn(spec.keys, name)) readOther(name, value, spec, at.at(name));
  }
  return Object.fromEntries(Object.entries(spec.keys).map(([name, key]) => [name, readKey(name, key, values, at)]));
}

/** Reads a nested table with its own rows. */
export function table<K extends Keys>(spec: TableSpec<K>): Read<Values<K>> {
  return (value, at) => {
    if (isTable(value)) return readTable(spec, value, at);
    at.error(`must be a table: write ${spec.title}`);
    return undefined;
  };
}

/** A nested table that may be absent as a whole: then every row has its own default. */
export function section<K extends Keys>(spec: TableSpec<K>): Key<Values<K>> {
  return withDefault(table(spec), readTable(spec, {}, createPlace([])));
}

/** Lets a constant keep the types of its rows. */
export function rows<K extends Keys>(spec: TableSpec<K>): TableSpec<K> {
  return spec;
}

function readKey(name: string, key: Key<unknown>, values: TomlTable, at: Place): unknown {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) {
    if (key.required) at.at(name).error('is required');
    return key.fallback;
  }
  if (key.later !== undefined) at.at(name).warn(`${NOT_YET}${key.later}`);
  return key.read(value, at.at(name)) ?? key.fallback;
}

function readOther(name: string, value: TomlValue, spec: TableSpec<Keys>, at: Place): void {
  const row = spec.later !== undefined && Object.hasOwn(spec.later, name) ? spec.later[name] : undefined;
  if (row === undefined) {
    at.error(unknownKey(name, spec));
    return;
  }
  at.warn(`${NOT_YET}${row.feature}`);
  row.read(value, at);
}

function unknownKey(name: string, spec: TableSpec<Keys>): string {
  const known = [...Object.keys(spec.keys), ...Object.keys(spec.later ?? {})];
  const instead = spec.instead !== undefined && Object.hasOwn(spec.instead, name) ? spec.instead[name] : undefined;
  const meant = nearest(name, known);
  const hint = instead ?? (meant === undefined ? `known keys: ${known.join(', ')}` : `did you mean "${meant}"?`);
  return `unknown key ${JSON.stringify(name.slice(0, 80))} in ${spec.title}; ${hint}`;
}
