import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isRoot, updateLists } from './apt.ts';
import { mustRun, run } from './command.ts';
import { TestbedError } from './errors.ts';

/** Only reached through features that stand-ins leave out: PostgreSQL's compiler and its parts. */
const leftOut = /^lib(llvm|z3)/;

/**
 * Downloads Debian packages with the shared libraries they need and unpacks them under `dir`.
 * Nothing is installed: the machine stays as it was, and no service is started by a package's scripts.
 */
export async function unpackPackages(names: readonly string[], dir: string): Promise<string> {
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

/** The named packages and, through `lib*` packages only, everything these need. Empty when one is unknown. */
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
    for (const next of needs.get(name) ?? []) if (next.startsWith('lib') && !leftOut.test(next)) visit(next);
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
