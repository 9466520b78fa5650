import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mustRun } from './command.ts';
import type { Recipe } from './recipes.ts';

export const overlayRoot: string = join(import.meta.dirname, '..', 'rootfs');

const everyImage = ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'run', 'sys', 'usr/bin', 'usr/sbin', 'var/run'];
/** Where Debian keeps shared libraries, before the directory of the machine's own kind. */
const libraryRoots = ['lib', 'usr/lib'];

/** Lays out the root directory of a stand-in image in `root`, from the unpacked packages in `tree`. */
export async function layOut(recipe: Recipe, tree: string, root: string): Promise<void> {
  for (const directory of [...everyImage, ...recipe.directories]) {
    await mkdir(join(root, directory), { recursive: true, mode: 0o755 });
  }
  for (const directory of ['tmp', 'var/tmp']) {
    await mkdir(join(root, directory), { recursive: true });
    await chmod(join(root, directory), 0o1777);
  }
  await addBusybox(tree, root);
  if (recipe.packages.length > 0) await addLibraries(tree, root);
  const wanted = (path: string): boolean => recipe.without?.test(path) !== true;
  for (const path of recipe.paths) await copy(join(tree, path), join(root, path), wanted);
  for (const [path, target] of Object.entries(recipe.links ?? {})) await symlink(target, join(root, path));
  for (const overlay of ['base', ...recipe.overlays]) await copy(join(overlayRoot, overlay), root);
}

async function addBusybox(tree: string, root: string): Promise<void> {
  const binary = join(root, 'bin/busybox');
  await copy(join(tree, 'bin/busybox'), binary);
  const applets = (await mustRun(binary, ['--list'])).split('\n');
  for (const applet of applets) {
    if (applet !== '' && applet !== 'busybox') await symlink('busybox', join(root, 'bin', applet));
  }
}

/** All shared libraries of the packages, and the loader that finds them at the places Debian keeps them. */
async function addLibraries(tree: string, root: string): Promise<void> {
  const triplet = (await readdir(join(tree, 'lib'))).find((name) => name.endsWith('-linux-gnu'));
  for (const libraryRoot of triplet === undefined ? [] : libraryRoots) {
    const from = join(tree, libraryRoot, triplet ?? '');
    const names = (await readdir(from)).filter((name) => /\.so(\.|$)/.test(name));
    for (const name of names) await copy(join(from, name), join(root, libraryRoot, triplet ?? '', name));
  }
  // The loader's own path is written into every program: /lib64 on x64, /lib on arm64.
  for (const name of await readdir(join(tree, 'lib'))) {
    if (name.startsWith('ld-linux')) await copy(join(tree, 'lib', name), join(root, 'lib', name));
  }
  if (existsSync(join(tree, 'lib64'))) await copy(join(tree, 'lib64'), join(root, 'lib64'));
}

async function copy(from: string, to: string, filter: (path: string) => boolean = () => true): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, force: true, filter });
}
