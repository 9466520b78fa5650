import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Edges } from './edges.ts';
import { type Import, importsOf } from './imports.ts';

interface Package {
  /** `packages/spec`. */
  readonly directory: string;
  /** `@orca/spec`. */
  readonly name: string;
  /** Names of everything its package.json asks for. */
  readonly declared: readonly string[];
}

interface House {
  readonly root: string;
  readonly table: Readonly<Record<string, Edges>>;
  readonly packages: readonly Package[];
}

const TOOLING = /^@orca\/tooling-/;
const CODE = ['src', 'test', 'examples'];

/** Everything in the workspace at `root` that the table does not allow, in words; empty when all is well. */
export const checkBoundaries = (root: string, table: Readonly<Record<string, Edges>>): readonly string[] => {
  const house: House = { root, table, packages: readPackages(root) };
  const known = new Set(house.packages.map(({ directory }) => directory));
  return [
    ...Object.keys(table).flatMap((directory) =>
      known.has(directory) ? [] : [`${directory} is listed but not there`],
    ),
    ...house.packages.flatMap((one) =>
      one.directory in table
        ? [...checkManifest(house, one), ...checkSources(house, one)]
        : [`${one.directory} is not in the table of allowed imports`],
    ),
  ];
};

const readPackages = (root: string): readonly Package[] =>
  ['packages', 'apps'].flatMap((group) =>
    listDirectory(join(root, group))
      .map((name) => `${group}/${name}`)
      .filter((directory) => existsSync(join(root, directory, 'package.json')))
      .map((directory) => ({ directory, ...readManifest(join(root, directory, 'package.json')) })),
  );

const readManifest = (path: string): Pick<Package, 'name' | 'declared'> => {
  const manifest: Readonly<Record<string, unknown>> = JSON.parse(readFileSync(path, 'utf8'));
  const groups = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'];
  return { name: String(manifest['name']), declared: groups.flatMap((group) => Object.keys(manifest[group] ?? {})) };
};

/** package.json and the table have to say the same. */
const checkManifest = (house: House, one: Package): readonly string[] => {
  const allowed = allowedOf(house, one);
  const declared = house.packages.filter(({ name }) => one.declared.includes(name)).map(({ directory }) => directory);
  return [
    ...declared.flatMap((to) => (allowed.includes(to) ? [] : [`${one.directory}/package.json depends on ${to}`])),
    ...allowed.flatMap((to) =>
      declared.includes(to) ? [] : [`${one.directory} may import ${to}, but its package.json does not ask for it`],
    ),
  ];
};

const checkSources = (house: House, one: Package): readonly string[] =>
  CODE.flatMap((part) =>
    listFiles(join(house.root, one.directory, part)).flatMap((path) =>
      importsOf(readFileSync(path, 'utf8')).flatMap((imported) => {
        const fault = part === 'src' ? faultOf(house, one, path, imported) : leavingFault(house, one, path, imported);
        return fault === undefined ? [] : [`${relative(house.root, path)} ${fault}`];
      }),
    ),
  );

/** Ordered rules, the first that applies counts. */
const faultOf = (house: House, one: Package, path: string, imported: Import): string | undefined => {
  const { specifier } = imported;
  if (specifier.startsWith('.')) return leavingFault(house, one, path, imported);
  if (TOOLING.test(specifier)) return `imports ${specifier}, which is for tests and builds`;
  const to = house.packages.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`));
  if (to === undefined || to === one) return undefined;
  const { imports, onDemand = [], onDemandFiles = [] } = house.table[one.directory] ?? { imports: [] };
  if (imports.includes(to.directory)) return undefined;
  if (!onDemand.includes(to.directory)) return `imports ${specifier}`;
  if (imported.kind !== 'static' || onDemandFiles.includes(fileIn(house, one, path))) return undefined;
  return `imports ${specifier} at its start, instead of on demand`;
};

/** A path into another package goes round its public surface. */
const leavingFault = (house: House, one: Package, path: string, { specifier }: Import): string | undefined => {
  if (!specifier.startsWith('.')) return undefined;
  const target = relative(join(house.root, one.directory), resolve(dirname(path), specifier));
  if (target.startsWith('..')) return `reaches out of its package: ${specifier}`;
  const fromSource = fileIn(house, one, path).startsWith('src/');
  return fromSource && !target.startsWith('src/') && target !== 'package.json'
    ? `reaches out of src: ${specifier}`
    : undefined;
};

const allowedOf = (house: House, one: Package): readonly string[] => {
  const own = house.table[one.directory];
  return [...(own?.imports ?? []), ...(own?.onDemand ?? [])];
};

const fileIn = (house: House, one: Package, path: string): string => relative(join(house.root, one.directory), path);

const listDirectory = (path: string): readonly string[] => (existsSync(path) ? readdirSync(path).toSorted() : []);

const listFiles = (path: string): readonly string[] =>
  existsSync(path)
    ? readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name))
        .filter((file) => !file.includes('node_modules'))
        .toSorted()
    : [];
