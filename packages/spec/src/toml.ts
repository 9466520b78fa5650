import TOML from '@iarna/toml';
import { parseTOML } from 'toml-eslint-parser';

export type TomlValue = string | number | bigint | boolean | Date | TomlTable | readonly TomlValue[];
export interface TomlTable {
  readonly [key: string]: TomlValue;
}

export type TomlResult =
  | { readonly ok: true; readonly value: TomlTable }
  | { readonly ok: false; readonly line: number; readonly col: number; readonly message: string };

/** Values only: tables have no prototype, so a key called `__proto__` is a key like any other. */
export function readToml(text: string): TomlResult {
  try {
    return { ok: true, value: TOML.parse(text) };
  } catch (error) {
    return { ok: false, ...placeOf(error), message: `${reasonOf(error)}${isLegalToml(text) ? LEGAL_BUT_REFUSED : ''}` };
  }
}

export function isTable(value: TomlValue): value is TomlTable {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);
}

const LEGAL_BUT_REFUSED =
  ' (TOML 1.0 allows this, but this parser does not: write the value another way, for example quoted)';

/** The parser counts from 0 and calls the fields `line` and `col`. */
function placeOf(error: unknown): { readonly line: number; readonly col: number } {
  const field = (name: 'line' | 'col'): number => {
    const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
    return typeof value === 'number' ? value + 1 : 1;
  };
  return { line: field('line'), col: field('col') };
}

/** First sentence only: the parser appends an excerpt of the file, and a config file may hold what must not be printed. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const sentence = /^(.*?)(?: at row \d+|\n|$)/s.exec(message)?.[1] ?? message;
  return `not valid TOML: ${sentence.slice(0, 200)}`;
}

function isLegalToml(text: string): boolean {
  try {
    parseTOML(text, { tomlVersion: '1.0' });
    return true;
  } catch {
    // Any failure means the second parser does not vouch for the text either.
    return false;
  }
}
