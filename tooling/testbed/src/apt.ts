import { readFile } from 'node:fs/promises';
import { lastLines, run } from './command.ts';
import { TestbedError } from './errors.ts';
import type { Log } from './log.ts';

const quietly = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
/** Another apt run on the machine may hold dpkg's lock for a while. */
const patient = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];

export async function isDebian(): Promise<boolean> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^ID(_LIKE)?=.*debian/m.test(release);
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Those of the named Debian packages that are not installed. */
export async function missingPackages(names: readonly string[]): Promise<readonly string[]> {
  const format = '${Package} ${db:Status-Status}\n';
  const { stdout } = await run('dpkg-query', ['-W', '-f', format, ...names]);
  const installed = new Set(stdout.split('\n').filter((line) => line.endsWith(' installed')));
  return names.filter((name) => !installed.has(`${name} installed`));
}

/** Installs what is missing of the named Debian packages; does nothing, quickly, when all are there. */
export async function installPackages(names: readonly string[], log: Log): Promise<void> {
  const missing = await missingPackages(names);
  if (missing.length === 0) return;
  if (!isRoot() || !(await isDebian())) {
    throw new TestbedError(
      'ORCA_TESTBED_PACKAGES_UNAVAILABLE',
      `missing: ${missing.join(', ')}. Only root on Debian can install them from here (try: sudo apt-get install ${missing.join(' ')}).`,
    );
  }
  log(`installing Debian packages: ${missing.join(', ')}`);
  await updateLists();
  await apt(['install', '-y', '--no-install-recommends', ...missing]);
}

/** Refreshes the package lists. */
export async function updateLists(): Promise<void> {
  await apt(['update']);
}

async function apt(args: readonly string[]): Promise<void> {
  const result = await run('apt-get', ['-q', ...patient, ...args], { env: quietly });
  if (result.code === 0) return;
  throw new TestbedError(
    'ORCA_TESTBED_PACKAGES_UNAVAILABLE',
    `apt-get ${args.join(' ')} failed; are the Debian mirrors of /etc/apt reachable?\n${lastLines(`${result.stdout}\n${result.stderr}`, 8)}`,
  );
}
