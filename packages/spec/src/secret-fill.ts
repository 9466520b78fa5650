import type { Fault } from './faults.ts';
import type { Path } from './positions.ts';
import { parseTemplate, renderTemplate, templateSecrets } from './template.ts';
import type { TomlTable, TomlValue } from './toml.ts';

/** Values by name, for the fields whose text has to be known to be judged. */
export type SecretValues = ReadonlyMap<string, string>;

/** A secret that a string of a file refers to. */
export interface FoundUse {
  readonly name: string;
  readonly path: Path;
  /** Its value became part of the text; otherwise the field keeps the reference until a container is made. */
  readonly isFilled: boolean;
}

export interface Filling {
  readonly value: TomlTable;
  readonly uses: readonly FoundUse[];
  readonly faults: readonly Fault[];
  /** Places whose text is not known, because a secret in it is not. */
  readonly unknown: readonly Path[];
  /** The secrets that are not. */
  readonly needed: readonly string[];
}

/**
 * Fills in the secrets of every string that is not kept as a template. One pass: a value that
 * looks like a reference stays as it is. `$${` becomes `${` here, and only here.
 */
export function fillSecrets(table: TomlTable, values: SecretValues): Filling {
  const uses: FoundUse[] = [];
  const faults: Fault[] = [];
  const unknown: Path[] = [];
  const needed = new Set<string>();
  const fill = (text: string, path: Path): string => {
    if (!text.includes('${')) return text;
    const parsed = parseTemplate(text);
    if (!parsed.ok) {
      if (!isTemplate(path)) faults.push({ severity: 'error', path, message: parsed.message });
      return text;
    }
    const names = [...new Set(templateSecrets(parsed.value))];
    if (names.length > 0 && isIdentity(path)) {
      faults.push({ severity: 'error', path, message: 'may not hold a secret: it is shown in names and labels' });
      return text;
    }
    uses.push(...names.map((name) => ({ name, path, isFilled: !isTemplate(path) })));
    if (isTemplate(path)) return text;
    if (names.every((name) => values.has(name))) return renderTemplate(parsed.value, (name) => values.get(name) ?? '');
    unknown.push(path);
    for (const name of names) if (!values.has(name)) needed.add(name);
    return text;
  };
  const walk = (value: TomlValue, path: Path): TomlValue => {
    if (typeof value === 'string') return fill(value, path);
    if (Array.isArray(value)) return value.map((item: TomlValue, index) => walk(item, [...path, index]));
    return isPlainTable(value) ? walkTable(value, path) : value;
  };
  const walkTable = (from: TomlTable, path: Path): TomlTable => {
    // Without a prototype, as the parser makes them: a key called `__proto__` is a key like any other.
    const to: Record<string, TomlValue> = Object.create(null);
    for (const [name, value] of Object.entries(from)) to[name] = walk(value, [...path, name]);
    return to;
  };
  const value = walkTable(table, []);
  return { value, uses, faults, unknown, needed: [...needed] };
}

/** Fields that keep their references: rendered when a container is made, and never before. */
const TEMPLATES: readonly Pattern[] = [
  ['service', '#', 'env', '*'],
  ['service', '#', 'command', '#'],
  ['service', '#', 'entrypoint', '#'],
  ['service', '#', 'secret_files', '*'],
  ['service', '#', 'secret_files', '*', 'value'],
  ['backup', 'targets', '#', 'access_key'],
  ['backup', 'targets', '#', 'secret_key'],
];

/** What a service, a project or a cluster is called: in names of containers, in labels, in every line of a log. */
const IDENTITIES: readonly Pattern[] = [
  ['service', '#', 'name'],
  ['service', '#', 'project'],
  ['service', '#', 'depends_on', '#'],
  ['cluster', 'name'],
];

/** `#` stands for any index, `*` for any name. */
type Pattern = readonly string[];

const isTemplate = (path: Path): boolean => TEMPLATES.some((pattern) => fits(path, pattern));
const isIdentity = (path: Path): boolean => IDENTITIES.some((pattern) => fits(path, pattern));

const fits = (path: Path, pattern: Pattern): boolean =>
  path.length === pattern.length &&
  path.every(
    (segment, at) => (typeof segment === 'number' ? '#' : pattern[at] === '*' ? '*' : segment) === pattern[at],
  );

const isPlainTable = (value: TomlValue): value is TomlTable =>
  typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);

/** A message that quotes what was written must not quote a value that was filled in. */
export function hideValues(
  faults: readonly Fault[],
  uses: readonly FoundUse[],
  values: SecretValues,
): readonly Fault[] {
  const filled = uses.filter(({ isFilled }) => isFilled);
  if (filled.length === 0) return faults;
  const known = [...new Set(filled.map(({ name }) => name))].flatMap((name) => {
    const value = values.get(name) ?? '';
    const forms = [value, JSON.stringify(value).slice(1, -1), value.toLowerCase()];
    return forms.filter((form) => form !== '').map((form) => ({ form, mask: `\${secrets.${name}}` }));
  });
  const longestFirst = known.toSorted((a, b) => b.form.length - a.form.length);
  // A long quotation is cut short, so that the whole value would not be found in it.
  const isTelling = (quotation: string): boolean => known.some(({ form }) => quotation.includes(form.slice(0, 6)));
  return faults.map((fault) => {
    const isOwn = filled.some(({ path }) => startsWith(fault.path, path) || startsWith(path, fault.path));
    const quoting = isOwn
      ? fault.message.replaceAll(/"(?:[^"\\]|\\.)*"/g, (chunk) => (isTelling(chunk) ? 'its value' : chunk))
      : fault.message;
    const message = longestFirst.reduce((text, { form, mask }) => text.replaceAll(form, mask), quoting);
    return { ...fault, message };
  });
}

export const startsWith = (path: Path, start: Path): boolean => start.every((segment, at) => path[at] === segment);
