import type { Template } from './model.ts';
import type { Read } from './table.ts';
import { parseTemplate } from './template.ts';
import { isTable, type TomlValue } from './toml.ts';

const MAX_TEXT = 4096;

/** Plain text; secrets in it were filled in before it is read. */
export const text: Read<string> = (value, at) => {
  if (typeof value !== 'string') return at.error(`must be a string, not ${kindOf(value)}`);
  if (value === '') return at.error('must not be empty');
  if (value.length > MAX_TEXT) return at.error(`is longer than ${MAX_TEXT} characters`);
  if (hasControl(value)) return at.error('must not hold control characters');
  return value;
};

/** Text of a given form; `form` ends the sentence "must be …". */
export function word(pattern: RegExp, form: string): Read<string> {
  return (value, at) => {
    const read = text(value, at);
    if (read === undefined || pattern.test(read)) return read;
    return at.error(`${quote(read)} is not valid here: must be ${form}`);
  };
}

/** Text whose `parse` may refuse with a sentence. */
export function parsedText<T>(parse: (text: string) => T | Refusal): Read<T> {
  return (value, at) => {
    const read = text(value, at);
    if (read === undefined) return undefined;
    const result = parse(read);
    if (!(result instanceof Refusal)) return result;
    return at.error(result.message);
  };
}

/** Why a text was not accepted; says what to write instead. */
export class Refusal {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export const template: Read<Template> = (value, at) => {
  const source = scalarText(value);
  if (source === undefined) return at.error(`must be a string, not ${kindOf(value)}; quote it`);
  if (source.includes('\0')) return at.error('must not hold a NUL character');
  if (typeof value === 'number' && !Number.isInteger(value)) {
    at.warn(`is a number and becomes "${source}"; quote it to keep its exact digits`);
  }
  const parsed = parseTemplate(source);
  if (!parsed.ok) return at.error(parsed.message);
  return parsed.value;
};

export const flag: Read<boolean> = (value, at) => {
  return typeof value === 'boolean' ? value : at.error(`must be true or false, not ${kindOf(value)}`);
};

export function integer(min: number, max: number): Read<number> {
  return (value, at) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    const got = typeof value === 'number' || typeof value === 'bigint' ? String(value) : kindOf(value);
    return at.error(`must be a whole number from ${min} to ${max}, not ${got}`);
  };
}

export const port: Read<number> = integer(1, 65_535);

/** Seconds in the text, milliseconds in the spec. */
export function seconds(min: number, max = 86_400): Read<number> {
  return (value, at) => {
    if (typeof value === 'number' && value >= min && value <= max) return Math.round(value * 1000);
    const got = typeof value === 'number' ? String(value) : kindOf(value);
    return at.error(`must be a number of seconds from ${min} to ${max}, not ${got}`);
  };
}

export function oneOf<const T extends string>(...allowed: readonly T[]): Read<T> {
  return (value, at) => {
    const found = allowed.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    const got = typeof value === 'string' ? quote(value) : kindOf(value);
    return at.error(`must be one of ${allowed.map(quote).join(', ')}, not ${got}`);
  };
}

/** Every element is read, also after a bad one, so that all faults show at once. */
export function list<T>(read: Read<T>): Read<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) return at.error(`must be a list, not ${kindOf(value)}`);
    return value.flatMap((element: TomlValue, index) => {
      const item = read(element, at.at(index));
      return item === undefined ? [] : [item];
    });
  };
}

export function nonEmptyList<T>(read: Read<T>): Read<readonly T[]> {
  return (value, at) => {
    return Array.isArray(value) && value.length === 0 ? at.error('must not be an empty list') : list(read)(value, at);
  };
}

/** A table with free names: `nameFault` says what is wrong with one. */
export function record<T>(read: Read<T>, nameFault: (name: string) => string | undefined): Read<Record<string, T>> {
  return (value, at) => {
    if (!isTable(value)) return at.error(`must be a table, not ${kindOf(value)}`);
    const entries = Object.entries(value).flatMap(([name, element]): [string, T][] => {
      const fault = nameFault(name);
      if (fault !== undefined) at.at(name).error(fault);
      const item = read(element, at.at(name));
      return item === undefined || fault !== undefined ? [] : [[name, item]];
    });
    return Object.fromEntries(entries);
  };
}

export function kindOf(value: TomlValue): string {
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'object') return 'a table';
  return typeof value === 'bigint' ? 'a number' : `a ${typeof value}`;
}

/** A piece of the user's text inside a message, never long enough to flood it. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

function scalarText(value: TomlValue): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined;
}

function hasControl(value: string): boolean {
  // eslint-disable-next-line no-control-regex -- finding control characters is its purpose
  return /[\u0000-\u001f\u007f]/.test(value);
}
