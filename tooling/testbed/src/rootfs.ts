import { chmod, cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mustRun, run } from './command.ts';
import { TestbedError } from './errors.ts';
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
  for (const path of recipe.paths) await addPath(tree, root, path);
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
  await copy(join(tree, 'lib64'), join(root, 'lib64')).catch(() => {
    // arm64 has its loader below /lib, which is copied already or here.
    return copy(join(tree, 'lib', 'ld-linux-aarch64.so.1'), join(root, 'lib', 'ld-linux-aarch64.so.1'));
  });
}

async function addPath(tree: string, root: string, path: string): Promise<void> {
  // A package's own name for a program wins over busybox's applet of that name.
  await copy(join(tree, path), join(root, path));
}

function copy(from: string, to: string): Promise<void> {
  return mkdir(dirname(to), { recursive: true }).then(() =>
    cp(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, force: true }),
  );
}

/** Throws when a program of the image would miss a shared library; needs root, since it looks from inside. */
export async function checkLibraries(root: string, programs: readonly string[]): Promise<void> {
  for (const program of programs) {
    const { stdout, stderr } = await run('chroot', [root, loaderOf(), '--list', `/${program}`]);
    const missing = `${stdout}${stderr}`.split('\n').filter((line) => /not found|cannot open/.test(line));
    if (missing.length > 0) {
      throw new TestbedError(
        'ORCA_TESTBED_IMAGE_UNAVAILABLE',
        `/${program} lacks libraries: ${missing.join('; ').trim()}`,
      );
    }
  }
}

function loaderOf(): string {
  return process.arch === 'arm64' ? '/lib/ld-linux-aarch64.so.1' : '/lib64/ld-linux-x86-64.so.2';
}
