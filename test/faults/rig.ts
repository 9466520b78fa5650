import { join } from 'node:path';
import { endOrcaProxy, isolatedEngine, tempDir, type IsolatedEngine } from '@orca/tooling-testbed';
import { check, standForeigners, type CheckOptions, type Foreigners } from './check.ts';
import { Cluster } from './cluster.ts';
import { dockerProxy, type DockerProxy } from './docker-proxy.ts';

export interface RigOptions {
  /** Names the cluster; one that a foreign container is called like. */
  readonly name: string;
  readonly images?: readonly string[];
  readonly liveRestore?: boolean;
  /** Added to the server's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Foreign containers end with the engine where a scenario kills that. */
  readonly foreigners?: boolean;
}

/** An engine, a proxy before it, and a cluster that talks to the engine through it. */
export interface Rig {
  readonly engine: IsolatedEngine;
  readonly proxy: DockerProxy;
  readonly cluster: Cluster;
  /** Waits until `check` finds nothing; returns the seconds that took, or what it still found at the deadline. */
  settle(options?: SettleOptions): Promise<Settled>;
  /** What was done to containers that are none of orca's. */
  foreignFaults(): Promise<readonly string[]>;
}

export interface SettleOptions extends CheckOptions {
  readonly timeoutMs?: number;
}

export interface Settled {
  readonly seconds: number;
  readonly faults: readonly string[];
}

const settleWithinMs = 60_000;
const lookEveryMs = 100;

/** Sets up, works, and takes all of it away again; a failure brings the server's last lines along. */
export const withRig = async <T>(options: RigOptions, work: (rig: Rig) => Promise<T>): Promise<T> => {
  await using dir = await tempDir('orca-faults-');
  await using engine = await isolatedEngine({
    images: [...new Set(['busybox:1.36', ...(options.images ?? [])])],
    liveRestore: options.liveRestore ?? false,
  });
  await using proxy = await dockerProxy(join(dir.path, 'docker.sock'), engine.socketPath);
  const { name, env = {} } = options;
  const cluster = new Cluster({ dir: dir.path, name, engine, dockerHost: proxy.host, env });
  const foreigners: Foreigners =
    options.foreigners === false ? { faults: async () => [] } : await standForeigners(engine.docker, name);
  try {
    return await work({
      engine,
      proxy,
      cluster,
      settle: (how) => settle(engine, cluster, how),
      foreignFaults: () => foreigners.faults(),
    });
  } catch (error) {
    const said = Error.isError(error) ? error.message : String(error);
    throw new Error(`${said}\nthe server's last lines:\n${cluster.log()}`, { cause: error });
  } finally {
    await cluster.signal('SIGKILL');
    await endOrcaProxy(cluster.home);
  }
};

const settle = async (
  engine: IsolatedEngine,
  cluster: Cluster,
  { timeoutMs = settleWithinMs, ...options }: SettleOptions = {},
): Promise<Settled> => {
  const begun = performance.now();
  for (;;) {
    const faults = await check(engine.docker, cluster, options).catch((error: unknown) => [String(error)]);
    const ms = performance.now() - begun;
    if (faults.length === 0 || ms > timeoutMs) return { seconds: ms / 1000, faults };
    await new Promise((done) => setTimeout(done, lookEveryMs));
  }
};
