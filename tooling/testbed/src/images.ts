import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { lastLines, mustRun } from './command.ts';
import { createDocker, currentHost } from './docker.ts';
import type { Docker } from './docker.ts';
import { TestbedError } from './errors.ts';
import type { Log } from './log.ts';
import { silent } from './log.ts';
import { createPackageTrees } from './package-tree.ts';
import type { PackageTrees } from './package-tree.ts';
import { createPuller } from './pull.ts';
import type { Puller } from './pull.ts';
import { recipes } from './recipes.ts';
import type { Recipe } from './recipes.ts';
import { layOut, overlayRoot } from './rootfs.ts';
import { defaultHome, withLock } from './state.ts';
import { tempDir } from './temp.ts';

export interface ImageOptions {
  readonly log?: Log;
  /** The engine to put them in. Default: the one of `ensureEngine`. */
  readonly socket?: string;
}

/** Found on every stand-in, so that `docker image ls --filter label=orca.standin` tells them from public images. */
const standinLabel = 'orca.standin';
/** A stand-in whose recipe changed since is built again. */
const recipeLabel = 'orca.standin.recipe';

/**
 * Makes the named sample images present: those that are there stay; others are pulled where a registry answers,
 * and otherwise put together from Debian packages under the same name.
 */
export async function ensureImages(names: readonly string[], options: ImageOptions = {}): Promise<void> {
  const { log = silent, socket = currentHost() } = options;
  const docker = createDocker(socket);
  const digests = new Map<string, string>();
  for (const name of names) digests.set(name, await digestOf(recipeOf(name)));
  const missing = async (): Promise<readonly string[]> => {
    const states = await Promise.all(names.map((name) => isPresent(docker, name, digests.get(name) ?? '')));
    return names.filter((_, index) => !(states[index] ?? false));
  };
  if ((await missing()).length === 0) return;
  await withLock(defaultHome(), 'images', async () => {
    const puller = createPuller(docker, log);
    await using packages = await createPackageTrees();
    for (const name of await missing()) {
      await obtain(name, { docker, log, puller, packages, digest: digests.get(name) ?? '' });
    }
  });
}

interface Obtaining {
  readonly docker: Docker;
  readonly log: Log;
  readonly puller: Puller;
  readonly packages: PackageTrees;
  readonly digest: string;
}

async function obtain(name: string, o: Obtaining): Promise<void> {
  const recipe = recipeOf(name);
  const startedAt = performance.now();
  const how = recipe.isPublic && (await o.puller.pull(name)) ? 'pulled' : await build(name, recipe, o);
  o.log(`${name}: ${how} in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

async function build(name: string, recipe: Recipe, o: Obtaining): Promise<string> {
  o.log(`${name}: building a stand-in from Debian packages`);
  await using dir = await tempDir('orca-image-');
  const [root, archive] = [join(dir.path, 'root'), join(dir.path, 'image.tar')];
  const tree = await o.packages.unpack(['busybox-static', ...recipe.packages]);
  await layOut(recipe, tree, root);
  await mustRun('tar', ['-C', root, '--numeric-owner', '--owner=0', '--group=0', '-cf', archive, '.']);
  const labels = [`LABEL ${standinLabel}=true`, `LABEL ${recipeLabel}=${o.digest}`];
  const changes = [...recipe.config, ...labels].flatMap((line) => ['--change', line]);
  const replaced = await o.docker.run(['image', 'inspect', '--format', '{{.Id}}', name]);
  await accept(name, o.docker, ['import', ...changes, archive, name]);
  if (replaced.code === 0) await o.docker.run(['image', 'rm', replaced.stdout.trim()]);
  await prove(name, recipe, o.docker);
  return 'built';
}

async function prove(name: string, recipe: Recipe, docker: Docker): Promise<void> {
  const [program, ...args] = recipe.proof ?? [];
  if (program === undefined) return;
  try {
    await accept(name, docker, ['run', '--rm', '--network', 'none', '--entrypoint', program, name, ...args]);
  } catch (error) {
    await docker.run(['image', 'rm', name]);
    throw error;
  }
}

async function accept(name: string, docker: Docker, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await docker.run(args);
  if (code === 0) return;
  const said = lastLines(`${stdout}\n${stderr}`, 5);
  throw new TestbedError('ORCA_TESTBED_IMAGE_UNAVAILABLE', `${name}: the stand-in is no good: ${said}`);
}

async function isPresent(docker: Docker, name: string, digest: string): Promise<boolean> {
  const { code, stdout } = await docker.run(['image', 'inspect', '--format', '{{json .Config.Labels}}', name]);
  if (code !== 0) return false;
  const labels: unknown = JSON.parse(stdout);
  // A public image, or the user's own under this name, is always good.
  if (typeof labels !== 'object' || labels === null || !(recipeLabel in labels)) return true;
  return labels[recipeLabel] === digest;
}

function recipeOf(name: string): Recipe {
  const recipe = recipes[name];
  if (recipe !== undefined) return recipe;
  const known = Object.keys(recipes).join(', ');
  throw new TestbedError('ORCA_TESTBED_IMAGE_UNAVAILABLE', `no recipe for the image ${name}; there are: ${known}`);
}

async function digestOf(recipe: Recipe): Promise<string> {
  const hash = createHash('sha256').update(inspect(recipe, { depth: null, breakLength: Infinity }));
  for (const overlay of ['base', ...recipe.overlays]) {
    const entries = await readdir(join(overlayRoot, overlay), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const file of files.sort()) hash.update(file.slice(overlayRoot.length)).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 16);
}
