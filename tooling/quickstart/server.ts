import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { endProcess, identify, runningOrcaProxy, waitFor } from '../testbed/index.ts';
import type { Log } from '../testbed/index.ts';
import { QuickstartError } from './errors.ts';
import { get } from './http.ts';
import { orcaEnv } from './orca.ts';
import { copyExample, knownServer, paths, programDigest, rememberServer } from './place.ts';
import type { KnownServer, Ports } from './place.ts';

const preferred: Ports = { api: 6880, proxy: 8780 };
const readyWithinMs = 30_000;
const endWithinMs = 15_000;

/** The server of an earlier run, if it still lives. */
export async function runningServer(): Promise<KnownServer | undefined> {
  const known = await knownServer();
  if (known === undefined || (await identify(known.pid))?.startTicks !== known.startTicks) return undefined;
  return known;
}

/** Copies the example and has a server of the current build run on it; containers are never touched by this. */
export async function ensureServer(log: Log): Promise<Ports> {
  const [running, digest] = [await runningServer(), await programDigest()];
  if (running !== undefined && running.digest === digest && (await isHealthy(running.ports))) {
    await copyExample(running.ports);
    log(`  the server of an earlier run answers (process ${running.pid})`);
    return running.ports;
  }
  if (running !== undefined) {
    log('  replacing the server of an older build; its containers stay');
    await endServer(running);
  }
  const known = await knownServer();
  const ports = { api: await pickPort('API', known?.ports.api ?? preferred.api, log), proxy: 0 };
  // The proxy outlives its server, and the next one takes it over with its port.
  const stays = (await runningOrcaProxy(paths.home)) === undefined ? undefined : known?.ports.proxy;
  const proxy = stays ?? (await pickPort('proxy', known?.ports.proxy ?? preferred.proxy, log));
  return startServer({ ...ports, proxy }, digest);
}

export async function endServer(server: KnownServer): Promise<void> {
  await endProcess(server, endWithinMs);
}

async function startServer(ports: Ports, digest: string): Promise<Ports> {
  await copyExample(ports);
  const log = await open(paths.serverLog, 'w');
  const child = spawn(process.execPath, [paths.cli, 'server'], {
    cwd: paths.infra,
    env: { ...process.env, ...orcaEnv(ports) },
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  child.unref();
  let ended: string | undefined;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = `it ended with ${signal ?? `code ${code}`}`));
  const identity = child.pid === undefined ? undefined : await identify(child.pid);
  if (identity !== undefined) await rememberServer({ ...identity, ports, digest });
  try {
    await waitFor(
      () => {
        if (ended !== undefined) throw new QuickstartError('ORCA_QUICKSTART_SERVER', ended);
        return isHealthy(ports);
      },
      { what: 'the server to answer', timeoutMs: readyWithinMs },
    );
  } catch (error) {
    const said = (await readFile(paths.serverLog, 'utf8')).trim().split('\n').slice(-10).join('\n');
    const why = `the server did not start: ${Error.isError(error) ? error.message : String(error)}`;
    throw new QuickstartError('ORCA_QUICKSTART_SERVER', `${why}\n${paths.serverLog} says:\n${said}`, error);
  }
  return ports;
}

async function isHealthy(ports: Ports): Promise<boolean> {
  return (await get(ports.api, '/api/v1/health', `127.0.0.1:${ports.api}`))?.status === 200;
}

/** The wanted port, or the next one that nobody listens on; the change is said. */
async function pickPort(name: string, wanted: number, log: Log): Promise<number> {
  for (let port = wanted; port < wanted + 50; port += 1) {
    if (!(await isFree(port))) continue;
    if (port !== wanted) log(`  port ${wanted} is taken by another program: the ${name} listens on ${port}`);
    return port;
  }
  throw new QuickstartError('ORCA_QUICKSTART_SERVER', `no free port for the ${name} from ${wanted} to ${wanted + 49}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
