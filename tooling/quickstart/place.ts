import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessIdentity } from '../testbed/index.ts';

const repository = join(import.meta.dirname, '../..');
/** All that the quickstart makes on disk, ignored by git; a user's `~/.orca` is never touched. */
const place = join(repository, '.orca-quickstart');

type PathName = 'root' | 'example' | 'cli' | 'infra' | 'home' | 'engine' | 'serverLog' | 'server';

export const paths: Readonly<Record<PathName, string>> = {
  root: place,
  example: join(repository, 'examples/quickstart'),
  cli: join(repository, 'apps/cli/dist/main.cjs'),
  infra: join(place, 'infra'),
  home: join(place, 'home'),
  engine: join(place, 'engine'),
  serverLog: join(place, 'server.log'),
  server: join(place, 'server.json'),
};

export interface Ports {
  readonly api: number;
  readonly proxy: number;
}

/** The server that an earlier run started, if nobody ended it since. */
export interface KnownServer extends ProcessIdentity {
  readonly ports: Ports;
  /** Of the program it was started from. */
  readonly digest: string;
}

/**
 * Copies the example to where it is deployed from, with the ports that are free here. A copy, since secrets.json
 * is written beside cluster.toml. Directories stay the same ones: running containers have them mounted.
 */
export async function copyExample(ports: Ports): Promise<void> {
  await mkdir(paths.root, { recursive: true, mode: 0o700 });
  await cp(paths.example, paths.infra, { recursive: true, force: true });
  const file = join(paths.infra, 'cluster.toml');
  const text = await readFile(file, 'utf8');
  const api = `[cluster]\napi_port = ${ports.api}`;
  const ported = text.replace('[cluster]', api).replace(/^http_port = .*$/m, `http_port = ${ports.proxy}`);
  // The example's domain is not ours: no authority is asked for it, and nothing listens on 443.
  const withoutTls = ported.replace(/^\[acme\]\n(?:[a-z].*\n)*\n?/m, '').replace(/^https_port = .*\n/m, '');
  await writeFile(file, withoutTls);
}

/** Changes with any byte of the built program, so that a server of an older build is told apart. */
export async function programDigest(): Promise<string> {
  const hash = createHash('sha256');
  const dist = join(paths.cli, '..');
  for (const name of (await readdir(dist)).sort()) {
    if (/\.[cm]?js$/.test(name)) hash.update(name).update(await readFile(join(dist, name)));
  }
  return hash.digest('hex');
}

export async function rememberServer(server: KnownServer): Promise<void> {
  await writeFile(paths.server, JSON.stringify(server));
}

export async function forgetServer(): Promise<void> {
  await rm(paths.server, { force: true });
}

export async function knownServer(): Promise<KnownServer | undefined> {
  const text = await readFile(paths.server, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isKnownServer(value) ? value : undefined;
  } catch {
    // Half written by a run that was killed: it remembers nothing.
    return undefined;
  }
}

function isKnownServer(value: unknown): value is KnownServer {
  if (!isRecord(value) || !isRecord(value['ports'])) return false;
  const { pid, startTicks, digest, ports } = value;
  const isText = typeof startTicks === 'string' && typeof digest === 'string';
  return isText && [pid, ports['api'], ports['proxy']].every((number) => typeof number === 'number');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
