import type { Issue, SpecFile } from './model.ts';
import { envNameFault } from './names.ts';

export interface EnvFile {
  readonly values: ReadonlyMap<string, string>;
  readonly issues: readonly Issue[];
}

/**
 * Reads `NAME=value` lines as Compose does: blank lines and `#` comments, a leading `export`, single quotes that keep
 * everything, double quotes with `\n`, `\"` and `\\`. Values are literal; nothing is taken from the server's own
 * environment.
 */
export function parseEnvFile({ path, text }: SpecFile): EnvFile {
  const values = new Map<string, string>();
  const issues: Issue[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const entry = entryOf(line);
    if (entry === undefined) continue;
    if ('value' in entry) values.set(entry.name, entry.value);
    else
      issues.push({ severity: 'error', file: path, line: index + 1, col: entry.col, path: '', message: entry.fault });
  }
  return { values, issues };
}

type Entry = { readonly name: string; readonly value: string } | { readonly fault: string; readonly col: number };

function entryOf(line: string): Entry | undefined {
  const [, head = '', name = '', rest] = /^(\s*(?:export\s+)?)([^=#\s]*)\s*(=.*)?$/.exec(line) ?? [];
  if (/^\s*(?:#.*)?$/.test(line)) return undefined;
  const col = head.length + 1;
  if (rest === undefined) return { fault: 'is not an entry: write NAME=value', col };
  const fault = envNameFault(name);
  if (fault !== undefined) return { fault, col };
  const value = valueOf(rest.slice(1).trim());
  if (value === undefined) return { fault: `the value of ${name} has no closing quote, or text after it`, col };
  if (value.includes('${secrets.'))
    return { fault: `${name}: secrets are filled in only in [service.env]; move it there`, col };
  return { name, value };
}

/** `undefined` when a quote is not closed, or closed too early. */
function valueOf(written: string): string | undefined {
  const single = /^'([^']*)'\s*(?:#.*)?$/.exec(written)?.[1];
  if (single !== undefined) return single;
  const double = /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/.exec(written)?.[1];
  if (double !== undefined) return double.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
  return /^['"]/.test(written) ? undefined : written.replace(/\s+#.*$/, '');
}
