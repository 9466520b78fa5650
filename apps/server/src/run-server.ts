import { realpathSync } from 'node:fs';
import { join, resolve as resolvePath } from 'node:path';
import type { ControlPlane } from '@orca/api';
import { createApiServer, tokenAuthorizer } from '@orca/api/server';
import type { AttachedProxy } from '@orca/proxy/process';
import { createFileStore, findMasterKey } from '@orca/secrets';
import type { ClusterSpec, Issue } from '@orca/spec';
import { findInfraRoot } from '@orca/spec/files';
import { createStore, type Store } from '@orca/store';
import type { Logger } from 'pino';
import { certMetrics } from './certificates/cert-metrics.ts';
import { createCertPlane } from './certificates/cert-plane.ts';
import { createCertificates, type Certificates } from './certificates/certificates.ts';
import { httpsFront } from './certificates/https-front.ts';
import { readClusterFile } from './cluster-file.ts';
import { ServerError } from './errors.ts';
import { isCode, openHome, openToken, type Home } from './home.ts';
import { openImageRecords } from './image-records.ts';
import type { ServerPlane } from './control-plane.ts';
import { createKeeper } from './keeper.ts';
import { takeLock } from './lock.ts';
import { logIssue } from './log-events.ts';
import { openLog } from './log.ts';
import { metricsText } from './metrics.ts';
import { needsRestart } from './needs-restart.ts';
import { proxyWishes } from './proxy-options.ts';
import { createProxyParts } from './proxy-state.ts';
import { createRecords } from './records.ts';
import { redactedPlane } from './redacted-plane.ts';
import { createSecretAccess, type SecretAccess } from './secret-access.ts';
import { createFileGuards, type FileGuards } from './secret-guards.ts';
import { startProxy } from './start-proxy.ts';
import { startWatchdog } from './watchdog.ts';
import { messageOf, wireIssue } from './wire.ts';

export interface ServerOptions {
  /** The infra root the user named, if they did. */
  readonly dir: string | undefined;
  /** `~/.orca`, or what `ORCA_HOME` names. */
  readonly home: string;
  readonly apiPort?: number;
  readonly proxyPort?: number;
  /** Instead of `[proxy] https_port`. With `proxyPort` alone there is no HTTPS: whoever may not use 80 may not use 443. */
  readonly httpsPort?: number;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdout: NodeJS.WriteStream;
  /** Ends the server; workloads stay. */
  readonly signal?: AbortSignal;
}

const defaultResyncSeconds = 30;

/**
 * Runs the control plane until the signal, SIGINT or SIGTERM, and has the proxy run. The proxy
 * and the containers are left running whatever ends it. Resolves with the exit code; a start that cannot succeed
 * throws `ServerError` with what to do.
 */
export const runServer = async (options: ServerOptions): Promise<number> => {
  const home = openHome(options.home);
  const root = infraRoot(options);
  const path = join(root, 'secrets.json');
  const key = findMasterKey({ home: home.dir, env: options.env, cwd: options.cwd });
  const secretStore = createFileStore({ path, seenPath: home.seenPath, ...key });
  const secrets = createSecretAccess(secretStore);
  const directories = [options.cwd, home.dir, options.env['HOME'] ?? options.cwd];
  const guards = createFileGuards({ root, path, keyPath: key.keyPath, store: secretStore, directories });
  const { cluster, warnings } = await readClusterFile(root, (names) => secrets.values(names));
  const lock = takeLock(home.lockPath);
  try {
    return await serve(options, { home, root, cluster, warnings, secrets, guards });
  } finally {
    lock.release();
  }
};

interface Place {
  readonly home: Home;
  readonly root: string;
  readonly cluster: ClusterSpec;
  /** What is doubtful about cluster.toml. */
  readonly warnings: readonly Issue[];
  readonly secrets: SecretAccess;
  readonly guards: FileGuards;
}

const infraRoot = ({ dir, cwd, env }: ServerOptions): string => {
  const found = findInfraRoot({ cwd, explicit: dir, env });
  if ('root' in found) return realpathSync(found.root);
  throw new ServerError(
    'ORCA_SERVER_NO_INFRA',
    `no cluster.toml and no services/ found; looked in ${found.looked.join(', ')} (change to your infra repository, or name it: orca server --dir ~/orca)`,
  );
};

const serve = async (options: ServerOptions, place: Place): Promise<number> => {
  const { home, cluster, warnings, secrets, guards } = place;
  const tokenSha256 = openToken(home.tokenPath);
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
  // Before anything is said: what is secret must be known. Unreadable secrets are told by every deploy and status.
  await secrets.refresh().catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'secrets cannot be read'));
  for (const warning of warnings) logIssue(log, wireIssue(warning));
  for (const { file, message } of await guards.strayWarnings()) log.warn({ file }, message);
  const ending = endOf(options.signal);
  const proxy = await startProxy({ home, cluster, options, log });
  try {
    await control(options, { ...place, store, proxy, log, ending, tokenSha256 });
  } catch (error) {
    // One that was started for nothing is no use to anybody; one that served before serves on.
    if (proxy.isNew) await proxy.stop(0);
    throw error;
  } finally {
    proxy.detach();
    await store.close();
  }
  return 0;
};

interface Parts extends Place {
  readonly store: Store;
  readonly proxy: AttachedProxy;
  readonly log: Logger;
  readonly tokenSha256: Uint8Array;
  /** Resolves with what ends the server. */
  readonly ending: Promise<string>;
}

const control = async (options: ServerOptions, parts: Parts): Promise<void> => {
  const { root, home, cluster, secrets, guards, store, proxy, log, ending, tokenSha256 } = parts;
  const records = createRecords(store, secrets);
  const httpsPort = proxy.httpsAddress?.port;
  const { settings, limits } = proxyWishes(cluster.proxy, home);
  const proxyParts = createProxyParts(proxy, {
    settings: { ...settings, ...(httpsPort === undefined ? {} : { httpsPort }) },
    limits,
  });

  const keeper = await createKeeper({
    root,
    cluster,
    needsRestart: (now) => needsRestart(cluster, now, options),
    version: options.version,
    resyncMs: resyncMs(options.env),
    secrets,
    guards,
    secretDirs: secretDirs(options.env),
    records,
    images: await openImageRecords(store),
    proxy,
    proxyParts,
    log,
    onDomains: () => certificates?.rewant(),
  });
  let certificates: Certificates | undefined = undefined;
  certificates = await createCertificates({
    spec: cluster.acme,
    root,
    dir: home.certsPath,
    version: options.version,
    env: options.env,
    now: () => Date.now(),
    wanted: () => keeper.domains(),
    front: httpsFront(proxy, proxyParts, (hosts) => keeper.setHttpsHosts(hosts)),
    log,
  });
  const api = createApiServer(
    redactedPlane(planeOf(keeper.plane, certificates, proxy), (text) => secrets.redact(text)),
    { authorize: tokenAuthorizer(tokenSha256), version: options.version },
  );

  const apiPort = options.apiPort ?? cluster.apiPort;
  const { port } = await listen(() => api.listen({ host: '127.0.0.1', port: apiPort }), apiPort);
  await keeper.start();
  // After what runs is known, since nobody's certificate is taken away before: the proxy serves on with those it has.
  await certificates.start();
  const addresses = { http: proxy.address, https: proxy.httpsAddress };
  log.info({ root, home: home.dir, api: `http://127.0.0.1:${port}`, proxy: addresses }, 'orca server is ready');

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
  log.info({ reason, proxy: proxy.pid }, 'orca server ends; containers and proxy keep running (orca proxy stop)');
  await certificates.stop();
  await keeper.stop();
  await api.close();
};

const planeOf = (plane: ServerPlane, certificates: Certificates, proxy: AttachedProxy): ControlPlane => {
  const now = (): number => Date.now();
  return {
    deploy: (request, signal) => plane.deploy(request, signal),
    stop: (request, signal) => plane.stop(request, signal),
    status: (signal) => plane.status(signal),
    logs: (request, signal) => plane.logs(request, signal),
    ...createCertPlane(certificates, now),
    metrics: () => metricsText(certMetrics(certificates, now()), () => proxy.metrics()),
  };
};

/** Where files with secrets may lie: what the user names, else the usual places. */
const secretDirs = (env: NodeJS.ProcessEnv): readonly string[] | undefined => {
  const named = env['ORCA_RUN_DIR'];
  return named === undefined || named === '' ? undefined : [resolvePath(named)];
};

/** How often everything is looked at; `ORCA_RESYNC_SECS` is for tests that cannot wait. */
const resyncMs = (env: NodeJS.ProcessEnv): number => {
  const seconds = Number(env['ORCA_RESYNC_SECS'] ?? defaultResyncSeconds);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : defaultResyncSeconds * 1000;
};

/** Ports in use are the commonest reason why a server does not start: say which, and what to change. */
const listen = async <T>(start: () => Promise<T>, port: number): Promise<T> => {
  try {
    return await start();
  } catch (cause) {
    const why = isCode(cause, 'EADDRINUSE')
      ? `port ${port} is already in use: stop what uses it (\`ss -lntp\` shows it)`
      : messageOf(cause);
    throw new ServerError(
      'ORCA_SERVER_PORT_UNAVAILABLE',
      `the API cannot listen: ${why}; or change [cluster] api_port in cluster.toml`,
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
