import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { createApiServer, tokenAuthorizer } from '@orca/api/server';
import { createProxy } from '@orca/proxy';
import { createFileStore } from '@orca/secrets';
import type { ClusterSpec } from '@orca/spec';
import { findInfraRoot } from '@orca/spec/files';
import { createStore } from '@orca/store';
import { readClusterFile } from './cluster-file.ts';
import { ServerError } from './errors.ts';
import { isCode, openHome, openToken, type Home } from './home.ts';
import { openImageRecords } from './image-records.ts';
import { createKeeper } from './keeper.ts';
import { takeLock } from './lock.ts';
import { openLog } from './log.ts';
import { createRecords } from './records.ts';
import { createSecretAccess } from './secret-access.ts';
import { startWatchdog } from './watchdog.ts';
import { messageOf } from './wire.ts';

export interface ServerOptions {
  /** The infra root the user named, if they did. */
  readonly dir: string | undefined;
  /** `~/.orca`, or what `ORCA_HOME` names. */
  readonly home: string;
  readonly apiPort?: number;
  readonly proxyPort?: number;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdout: NodeJS.WriteStream;
  /** Ends the server; workloads stay. */
  readonly signal?: AbortSignal;
}

const defaultResyncSeconds = 30;

/**
 * Runs the control plane and the proxy until the signal, SIGINT or SIGTERM. Containers are
 * left running whatever ends it. Resolves with the exit code; a start that cannot succeed
 * throws `ServerError` with what to do.
 */
export const runServer = async (options: ServerOptions): Promise<number> => {
  const home = openHome(options.home);
  const root = infraRoot(options);
  const cluster = await readClusterFile(root);
  const lock = takeLock(home.lockPath);
  try {
    return await serve(options, { home, root, cluster });
  } finally {
    lock.release();
  }
};

interface Place {
  readonly home: Home;
  readonly root: string;
  readonly cluster: ClusterSpec;
}

const infraRoot = ({ dir, cwd, env }: ServerOptions): string => {
  const found = findInfraRoot({ cwd, explicit: dir, env });
  if ('root' in found) return realpathSync(found.root);
  throw new ServerError(
    'ORCA_SERVER_NO_INFRA',
    `no cluster.toml and no services/ found; looked in ${found.looked.join(', ')} (change to your infra repository, or name it: orca server --dir ~/orca)`,
  );
};

const serve = async (options: ServerOptions, { home, root, cluster }: Place): Promise<number> => {
  const tokenSha256 = openToken(home.tokenPath);
  const secrets = createSecretAccess(
    createFileStore({ path: join(root, 'secrets.json'), keyPath: home.masterKeyPath }),
  );
  const log = openLog({
    path: home.logPath,
    level: cluster.logLevel,
    terminal: options.stdout,
    redact: (text) => secrets.redact(text),
  });
  const store = createStore({
    path: home.storePath,
    onCorrupt: (movedTo) =>
      log.warn({ movedTo }, 'the records were damaged and are begun anew; workloads are not affected'),
  });
  const records = createRecords(store);
  const proxy = createProxy({
    port: options.proxyPort ?? cluster.proxy.httpPort,
    bind: cluster.proxy.bind,
    onEvent: (event) => log.debug(event, 'proxy'),
  });
  const keeper = await createKeeper({
    root,
    cluster,
    version: options.version,
    resyncMs: resyncMs(options.env),
    secrets,
    records,
    images: await openImageRecords(store),
    proxy,
    log,
  });
  const api = createApiServer(keeper.plane, { authorize: tokenAuthorizer(tokenSha256), version: options.version });

  const ending = endOf(options.signal);
  const proxyAddress = await listen(
    () => proxy.listen().then(() => proxy.address),
    'proxy',
    options.proxyPort ?? cluster.proxy.httpPort,
  );
  const apiPort = options.apiPort ?? cluster.apiPort;
  const { port } = await listen(() => api.listen({ host: '127.0.0.1', port: apiPort }), 'API', apiPort);
  await keeper.start();
  log.info({ root, home: home.dir, api: `http://127.0.0.1:${port}`, proxy: proxyAddress }, 'orca server is ready');

  const every = resyncMs(options.env);
  const watchdog = startWatchdog({
    env: options.env,
    now: () => performance.now(),
    lastProgressAt: () => keeper.lastProgressAt(),
    // A look may wait for a slow engine; two of them without an end is no progress.
    patienceMs: 2 * every + 60_000,
  });
  const reason = await ending;
  watchdog.stop();
  log.info({ reason }, 'orca server ends; containers keep running');
  await keeper.stop();
  await api.close();
  await proxy.close();
  await store.close();
  return 0;
};

/** How often everything is looked at; `ORCA_RESYNC_SECS` is for tests that cannot wait. */
const resyncMs = (env: NodeJS.ProcessEnv): number => {
  const seconds = Number(env['ORCA_RESYNC_SECS'] ?? defaultResyncSeconds);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : defaultResyncSeconds * 1000;
};

/** Ports in use are the commonest reason why a server does not start: say which, and what to change. */
const listen = async <T>(start: () => Promise<T>, what: string, port: number): Promise<T> => {
  try {
    return await start();
  } catch (cause) {
    const hint = what === 'proxy' ? '[proxy] http_port in cluster.toml' : '[cluster] api_port in cluster.toml';
    const why = isCode(cause, 'EADDRINUSE')
      ? `port ${port} is already in use`
      : isCode(cause, 'EACCES')
        ? `port ${port} needs root or CAP_NET_BIND_SERVICE`
        : messageOf(cause);
    throw new ServerError(
      'ORCA_SERVER_PORT_IN_USE',
      `the ${what} cannot listen: ${why} (stop what uses it, or change ${hint})`,
      { cause },
    );
  }
};

/** Resolves with the name of what ends the server. */
const endOf = (signal: AbortSignal | undefined): Promise<string> =>
  new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve(name));
    signal?.addEventListener('abort', () => resolve('asked to'));
  });
