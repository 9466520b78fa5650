import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isRoot, updateLists } from './apt.ts';
import { mustRun, run } from './command.ts';
import { TestbedError } from './errors.ts';
import { tempDir } from './temp.ts';

/** Debian's packages of shared libraries, by name. */
const isLibrary = /^(lib|zlib)/;
/** Only reached through features that stand-ins leave out: PostgreSQL's compiler and its parts. */
const leftOut = /^lib(llvm|z3)/;

/** Debian packages unpacked for as long as this object lives. */
export interface PackageTrees extends AsyncDisposable {
  /**
   * A directory that holds the packages and the shared libraries they need; the same names are unpacked once.
   * Nothing is installed: the machine stays as it was, and no service is started by a package's scripts.
   */
  unpack(names: readonly string[]): Promise<string>;
}

export async function createPackageTrees(): Promise<PackageTrees> {
  const dir = await tempDir('orca-packages-');
  const trees = new Map<string, Promise<string>>();
  return {
    unpack(names) {
      const key = names.join('+');
      const tree = trees.get(key) ?? unpackInto(join(dir.path, key), names);
      trees.set(key, tree);
      return tree;
    },
    [Symbol.asyncDispose]: () => dir.remove(),
  };
}

async function unpackInto(dir: string, names: readonly string[]): Promise<string> {
  const [archives, tree] = [join(dir, 'archives'), join(dir, 'tree')];
  await Promise.all([archives, tree].map((path) => mkdir(path, { recursive: true })));
  const first = await download(names, archives);
  if (!first && isRoot()) await updateLists();
  if (!first && !(await download(names, archives))) {
    throw new TestbedError(
      'ORCA_TESTBED_PACKAGES_UNAVAILABLE',
      `cannot download the Debian packages ${names.join(', ')} (try: apt-get update; stand-in images need Debian's apt-get and a mirror)`,
    );
  }
  for (const file of await readdir(archives)) {
    if (file.endsWith('.deb')) await mustRun('dpkg-deb', ['-x', join(archives, file), tree]);
  }
  return tree;
}

async function download(names: readonly string[], into: string): Promise<boolean> {
  const all = await withLibraries(names);
  return all.length > 0 && (await run('apt-get', ['-q', 'download', ...all], { cwd: into })).code === 0;
}

/** The named packages and, through packages of libraries only, everything these need. Empty when one is unknown. */
async function withLibraries(names: readonly string[]): Promise<readonly string[]> {
  const only = ['suggests', 'recommends', 'conflicts', 'breaks', 'replaces', 'enhances'].map((kind) => `--no-${kind}`);
  const { code, stdout } = await run('apt-cache', ['depends', '--recurse', ...only, ...names], {
    env: { LC_ALL: 'C' },
  });
  const needs = code === 0 ? parseDepends(stdout) : new Map<string, readonly string[]>();
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    for (const next of needs.get(name) ?? []) if (isLibrary.test(next) && !leftOut.test(next)) visit(next);
  };
  for (const name of names) if (needs.has(name)) visit(name);
  return names.every((name) => found.has(name)) ? [...found] : [];
}

/** Reads `apt-cache depends`: a package at the line's start, its needs indented; of alternatives (`|`) the last is kept. */
export function parseDepends(text: string): ReadonlyMap<string, readonly string[]> {
  const needs = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    const need = /^ {2}(?:PreDepends|Depends): ([^<\s]+)$/.exec(line)?.[1];
    if (need !== undefined) current.push(need);
    else if (/^[a-z0-9]/.test(line)) needs.set(line.trim(), (current = []));
  }
  return needs;
}
