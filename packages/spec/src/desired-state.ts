import { readCluster } from './cluster.ts';
import { checkAcross, type Located } from './cross-rules.ts';
import { compare, createPlace, type Fault, issuesOf, type Place, sortIssues } from './faults.ts';
import type { ClusterSpec, DesiredState, Issue, Parsed, SecretUse, SpecFile } from './model.ts';
import { isProjectName } from './names.ts';
import { kindOf } from './read.ts';
import { createLocator } from './positions.ts';
import { fillSecrets, type Filling, type SecretValues } from './secret-fill.ts';
import { filledIn, judged, usesIn } from './secret-places.ts';
import { missingSecretIssues } from './secret-uses.ts';
import { readService } from './service.ts';
import { type Read, readTable, withDefault } from './table.ts';
import { isTable, readToml, type TomlTable, type TomlValue } from './toml.ts';

export interface DesiredStateOptions {
  /** Absolute path of the infra root: relative mount sources start there. */
  readonly root: string;
  /** Without one the defaults of cluster.toml apply. */
  readonly cluster: ClusterSpec | undefined;
  /** Values of secrets that stand in other fields than templates; none unless given. */
  readonly secrets?: SecretValues;
}

export type DesiredReading = Parsed<DesiredState> & Pick<DesiredState, 'uses'> & { readonly needed: readonly string[] };

/** All services of all files, or every fault of every file. Pure: nothing is looked up on disk. */
export function parseDesiredState(files: readonly SpecFile[], options: DesiredStateOptions): Parsed<DesiredState> {
  const { uses, needed, ...parsed } = readDesiredState(files, options, () => {});
  if (needed.length === 0) return parsed;
  const missing = missingSecretIssues(
    uses.filter(({ isFilled }) => isFilled),
    new Set(needed),
    files,
  );
  return { ok: false, issues: sortIssues([...missing, ...(parsed.ok ? parsed.warnings : parsed.issues)]) };
}

/** The same, telling `onFile` which file is being worked on: the last one named is the one that takes too long. */
export function readDesiredState(
  files: readonly SpecFile[],
  options: DesiredStateOptions,
  onFile: (file: SpecFile) => void,
): DesiredReading {
  const cluster = options.cluster ?? readCluster(undefined).cluster;
  const readings = files
    .toSorted((a, b) => compare(a.path, b.path))
    .map((file) => {
      onFile(file);
      const rules = { root: options.root, allowMounts: cluster.security.allowMounts };
      return readFile(file, rules, options.secrets ?? new Map());
    });
  const located = readings.flatMap(({ services }) => services).toSorted((a, b) => compare(a.spec.name, b.spec.name));
  checkAcross(located, { cluster, isComplete: readings.every(({ isComplete }) => isComplete) });
  const issues = sortIssues(
    readings.flatMap(({ file, faults, filling, syntax }) => {
      onFile(file);
      return [...syntax, ...issuesOf(file, judged(faults, filling, options.secrets ?? new Map()))];
    }),
  );
  const uses = readings.flatMap((reading) => reading.uses);
  const needed = [...new Set(readings.flatMap(({ filling }) => filling?.needed ?? []))].toSorted(compare);
  if (needed.length > 0 || issues.some(({ severity }) => severity === 'error'))
    return { ok: false, issues, uses, needed };
  return { ok: true, value: { services: located.map(({ spec }) => spec), uses }, warnings: issues, uses, needed };
}

interface Reading {
  readonly file: SpecFile;
  readonly services: readonly Located[];
  /** Grows while the rules between services are checked. */
  readonly faults: readonly Fault[];
  /** `undefined` where nothing could be read. */
  readonly filling: Filling | undefined;
  readonly uses: readonly SecretUse[];
  readonly syntax: readonly Issue[];
  readonly isComplete: boolean;
}

function readFile(
  file: SpecFile,
  rules: { readonly root: string; readonly allowMounts: readonly string[] },
  secrets: SecretValues,
): Reading {
  const toml = readToml(file.text);
  if (!toml.ok) {
    const { line, col, message } = toml;
    const syntax: readonly Issue[] = [{ severity: 'error', file: file.path, line, col, path: '', message }];
    return { file, services: [], faults: [], filling: undefined, uses: [], syntax, isComplete: false };
  }
  const filling = fillSecrets(toml.value, secrets);
  const faults: Fault[] = [...filling.faults];
  const place = createPlace(faults);
  const { service: tables } = readTable(FILE, filling.value, place);
  if (tables.length === 0 && faults.length === 0)
    place.error('holds no service: write [[service]] with name and image');
  const lines = serviceLines(file.text, tables.length);
  const project = projectOf(file.path);
  const services = tables.flatMap((table, index): Located[] => {
    const at = place.at('service', index);
    const source = { file: file.path, line: lines[index] ?? 1 };
    const spec = readService(table, at, { ...rules, project, source, filled: filledIn(filling, index) });
    const domainKey = Object.hasOwn(table, 'domains') ? 'domains' : 'domain';
    return spec === undefined ? [] : [{ spec, place: at, domainKey }];
  });
  const isComplete = services.length === tables.length && tables.length > 0;
  return { file, services, faults, filling, uses: usesIn(file, filling, tables), syntax: [], isComplete };
}

const serviceTables: Read<readonly TomlTable[]> = (value, at) => {
  if (isTable(value)) return at.error('must be a list of services: write [[service]], with two brackets');
  if (Array.isArray(value)) return value.filter((element: TomlValue, index) => isServiceTable(element, at.at(index)));
  return at.error(`must be [[service]], not ${kindOf(value)}`);
};

function isServiceTable(value: TomlValue, at: Place): value is TomlTable {
  if (isTable(value)) return true;
  at.error(`must be a table, not ${kindOf(value)}`);
  return false;
}

const FILE = { title: 'service.toml', keys: { service: withDefault(serviceTables, []) } };

/** `services/<project>/service.toml`; a `services.toml` at the root is the project `default`. */
function projectOf(path: string): string | undefined {
  const parts = path.split('/');
  if (parts.length === 1) return 'default';
  const directory = parts.at(-2) ?? '';
  return isProjectName(directory) ? directory : undefined;
}

/** Line of each `[[service]]`. Headers are counted; a second parse is only needed where that could be fooled. */
function serviceLines(text: string, count: number): readonly number[] {
  const lines = text.split('\n').flatMap((line, index) => (/^\s*\[\[\s*service\s*\]\]/.test(line) ? [index + 1] : []));
  if (lines.length === count) return lines;
  const locate = createLocator(text);
  return Array.from({ length: count }, (_, index) => locate(['service', index]).line);
}
