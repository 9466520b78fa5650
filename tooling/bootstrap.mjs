// Runs on whatever Node the machine has (20 or later), before anything of this repository is installed:
// fetches the pinned pnpm through npm and installs what pnpm-lock.yaml says. After it, `npm run` finds
// the pinned Node 24 in node_modules/.bin.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, 'node_modules', '.orca-lockfile');
const linuxOnly = process.platform === 'linux' ? [join(root, 'node_modules/.bin/node')] : [];
const needed = [...linuxOnly, join(root, 'node_modules/.bin/turbo')];

/** What an install is made from; the stamp holds the one that node_modules was made from. */
function wanted() {
  const hash = createHash('sha256');
  for (const name of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) hash.update(readFileSync(join(root, name)));
  return hash.digest('hex');
}

function isInstalled() {
  return needed.every((path) => existsSync(path)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted();
}

function install() {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  console.log(`Installing dependencies with ${packageManager} (only after a change of the lockfile)`);
  const args = ['--yes', packageManager, 'install', '--frozen-lockfile'];
  const result = spawnSync('npx', args, { cwd: root, stdio: 'inherit' });
  if (result.error !== undefined)
    fail(`npx could not be started: ${result.error.message}. It comes with npm; install npm.`);
  if (result.signal !== null) fail(`the installation was ended by ${result.signal}.`);
  if (result.status !== 0) {
    fail(
      `\`npx ${args.join(' ')}\` ended with code ${result.status}; its reason is above.\n` +
        'The first run needs the npm registry (behind a proxy set HTTPS_PROXY; try: npm ping). Then run the same command again.',
    );
  }
  writeFileSync(stamp, wanted());
}

function fail(message) {
  console.error(`\nDependencies could not be installed: ${message}`);
  process.exit(1);
}

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) fail(`this is Node ${process.versions.node}; Node 20 or later is needed to begin.`);
if (!isInstalled()) install();
