import { performance } from 'node:perf_hooks';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { createApiServer, tokenAuthorizer } from '@orca/api/server';
import type { DeployEvent } from '@orca/api';
import { createProxy } from '@orca/proxy';
import {
  checkHttp,
  createDockerRuntime,
  createProber,
  type DockerRuntime,
  type InstanceDetails,
} from '@orca/runtime-docker';
import { createFileStore } from '@orca/secrets';
import type { ClusterSpec } from '@orca/spec';
import { findInfraRoot, loadInfra } from '@orca/spec/files';
import { createStore } from '@orca/store';
import type { Logger } from 'pino';
import { readClusterFile } from './cluster-file.ts';
import { createControlPlane } from './control-plane.ts';
import { ServerError } from './errors.ts';
import { isCode, openHome, openToken, type Home } from './home.ts';
import { Liveness, type LivenessEvent } from './liveness.ts';
import { takeLock } from './lock.ts';
import { openLog } from './log.ts';
import { createRecords } from './records.ts';
import { restartInstance } from './restart.ts';
import { startResync, type ResyncEvent } from './resync.ts';
import { createProxyRouter } from './router.ts';
import { createSecretAccess } from './secret-access.ts';
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

const resyncIntervalMs = 5_000;
const defaultDrainMs = 30_000;
const livenessTickMs = 1_000;

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
  let mutations = 0;
  const runtime = createDockerRuntime({
    cluster: cluster.name,
    env: secrets,
    onMutation: (call) => {
      mutations += 1;
      log.debug({ call }, 'engine');
    },
  });
  const proxy = createProxy({
    port: options.proxyPort ?? cluster.proxy.httpPort,
    bind: cluster.proxy.bind,
    onEvent: (event) => log.debug(event, 'proxy'),
  });
  const router = createProxyRouter({
    proxy,
    defaultDrainMs,
    addressOf: (key) => runtime.addressOf(key),
    record: (key, route) => records.setRoute(key, route),
  });
  const now = (): number => performance.now();
  const userAgent = `orca-probe/${options.version}`;
  const plane = createControlPlane({
    clusterName: cluster.name,
    version: options.version,
    root,
    runtime,
    router,
    records,
    redact: (text) => secrets.redact(text),
    mutations: () => mutations,
    unhealthy: () => liveness.unhealthy(),
    desired: { root, secrets, images: runtime, isPaused: (name) => records.isPaused(name) },
    reconcile: {
      runtime,
      router,
      now,
      prober: createProber({ runtime, now, userAgent }),
    },
    onEvent: (event) => logDeploy(log, event),
  });
  const liveness = new Liveness({
    check: (i, probe) =>
      i.address === undefined
        ? Promise.resolve({ isOk: false, reason: 'has no address on its network' })
        : checkHttp(i.address, probe, userAgent),
    restart: (i, spec) => plane.exclusive(() => restartInstance({ runtime, router }, i, spec)),
    now,
    wallNow: () => Date.now(),
    onEvent: (event) => logLiveness(log, event),
  });
  const api = createApiServer(plane, { authorize: tokenAuthorizer(tokenSha256), version: options.version });

  const ending = endOf(options.signal);
  const proxyAddress = await listen(
    () => proxy.listen().then(() => proxy.address),
    'proxy',
    options.proxyPort ?? cluster.proxy.httpPort,
  );
  const apiPort = options.apiPort ?? cluster.apiPort;
  const { port } = await listen(() => api.listen({ host: '127.0.0.1', port: apiPort }), 'API', apiPort);
  await reportEngine(runtime, log);
  let seen: readonly InstanceDetails[] = [];
  const resync = startResync({
    runtime,
    router,
    records,
    intervalMs: resyncIntervalMs,
    onSeen: (instances) => {
      seen = instances;
    },
    specs: async () => loadInfra(root).then((infra) => (infra.ok ? infra.value.desired.services : [])),
    onEvent: (event) => logResync(log, event),
  });
  await resync.first;
  log.info({ root, home: home.dir, api: `http://127.0.0.1:${port}`, proxy: proxyAddress }, 'orca server is ready');

  const livenessTimer = setInterval(() => liveness.tick(seen, plane.specs()), livenessTickMs);
  const reason = await ending;
  clearInterval(livenessTimer);
  log.info({ reason }, 'orca server ends; containers keep running');
  resync.stop();
  await api.close();
  await proxy.close();
  await store.close();
  return 0;
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

const reportEngine = async (runtime: DockerRuntime, log: Logger): Promise<void> => {
  try {
    const engine = await runtime.ping(AbortSignal.timeout(5_000));
    log.info(engine, 'container engine');
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'container engine does not answer; deploys are refused until it does');
  }
};

/** Resolves with the name of what ends the server. */
const endOf = (signal: AbortSignal | undefined): Promise<string> =>
  new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve(name));
    signal?.addEventListener('abort', () => resolve('asked to'));
  });

const logDeploy = (log: Logger, event: DeployEvent): void => {
  if (event.type === 'step' && event.state !== 'started') {
    const { step, state, ms, detail } = event;
    const level = state === 'failed' ? 'error' : state === 'skipped' ? 'warn' : 'info';
    log[level](
      { step: step.id, ms: ms === undefined ? undefined : Math.round(ms), reason: step.reason, detail },
      `${step.action} ${state}`,
    );
  }
  if (event.type === 'end') {
    const { outcome, changed, failures, mutatingCalls, ms, message } = event;
    const level = outcome === 'converged' || outcome === 'planned' ? 'info' : 'error';
    log[level](
      {
        outcome,
        changed,
        failures: failures.map(({ service, reason }) => ({ service, reason })),
        mutatingCalls,
        ms: Math.round(ms),
        message,
      },
      'deploy ended',
    );
  }
};

const logResync = (log: Logger, event: ResyncEvent): void => {
  if (event.type === 'adopted')
    log.info({ running: event.running, routed: event.routed }, 'took over what already runs');
  else if (event.type === 'lost')
    log.warn({ reason: event.reason }, 'container engine does not answer; nothing is changed until it does');
  else log.info('container engine is back');
};

const logLiveness = (log: Logger, event: LivenessEvent): void => {
  if (event.type === 'unhealthy') {
    const plan = event.waitMs > 0 ? `restarts in ${Math.ceil(event.waitMs / 1000)} s` : 'restarts now';
    log.warn({ instance: event.key, reason: event.reason }, `liveness probe failed; ${plan}`);
  } else if (event.type === 'restarted') log.info({ instance: event.key }, 'restarted');
  else log.error({ instance: event.key, reason: event.reason }, 'restart failed');
};
