import type { CheckOptions } from './check.ts';
import type { Cluster } from './cluster.ts';
import { linesOf } from './containers.ts';
import type { Rig } from './rig.ts';
import { serviceText, type ServiceText } from './services.ts';

/** Something that a user asks of orca, as the same engine calls each time. */
export interface Operation {
  readonly name: string;
  /** What may remain at its end. */
  readonly expected?: CheckOptions;
  /** Asked all the while, past orca's proxy, to see how long nobody answers. */
  readonly url?: string;
  /** Brings about the state that it starts from. */
  prepare(rig: Rig): Promise<void>;
  /** Ends with the command, however that ends: the server may be killed under it. `turn` is never the same twice. */
  run(cluster: Cluster, turn: number): Promise<void>;
}

const storePort = 7500;

const anchor = 'services/anchor/service.toml';
const web = 'services/web/service.toml';
const store = 'services/store/service.toml';
const made = 'services/made/service.toml';

const put = (cluster: Cluster, path: string, text: ServiceText): void => cluster.write(path, serviceText(text));

const webText: ServiceText = { name: 'web', isRouted: true };
const storeText: ServiceText = { name: 'store', volume: 'store', hostPort: storePort };

/** Everything there and good; by name, so that an earlier stop or failure does not count. */
const begin = async (rig: Rig): Promise<void> => {
  const { cluster } = rig;
  put(cluster, anchor, { name: 'anchor' });
  put(cluster, web, webText);
  put(cluster, store, storeText);
  cluster.delete(made);
  await cluster.mustOrca('deploy', 'anchor', 'web', 'store');
  await cluster.mustOrca('deploy');
  const { faults } = await rig.settle();
  if (faults.length > 0) throw new Error(`no state to begin from: ${faults.join('; ')}`);
};

const deploy = async (cluster: Cluster): Promise<void> => void (await cluster.orca('deploy'));

const create: Operation = {
  name: 'create',
  async prepare(rig) {
    await begin(rig);
    await removeUnused(rig);
  },
  async run(cluster, turn) {
    // Network and volume are made with it, so they are new each time.
    put(cluster, made, { name: 'made', volume: `made-${turn}`, network: `orca-made-${turn}` });
    await deploy(cluster);
  },
};

const removeUnused = async ({ engine: { docker }, cluster }: Rig): Promise<void> => {
  const label = `label=orca.cluster=${cluster.name}`;
  for (const kind of ['network', 'volume']) {
    const names = linesOf(await docker.output([kind, 'ls', '--filter', label, '--format', '{{.Name}}']));
    for (const name of names.filter((n) => n.includes('made-'))) await docker.run([kind, 'rm', name]);
  }
};

const startFirst: Operation = {
  name: 'start-first update',
  prepare: begin,
  async run(cluster, turn) {
    put(cluster, web, { ...webText, env: `${turn}` });
    await deploy(cluster);
  },
};

const stopFirst: Operation = {
  name: 'stop-first update',
  url: `http://127.0.0.1:${storePort}/`,
  prepare: begin,
  async run(cluster, turn) {
    put(cluster, store, { ...storeText, env: `${turn}` });
    await deploy(cluster);
  },
};

const rollback = (name: string, path: string, text: ServiceText): Operation => ({
  name: `rollback of a ${name} update`,
  expected: { failed: [text.name] },
  prepare: begin,
  async run(cluster, turn) {
    put(cluster, path, { ...text, env: `${turn}`, command: 'echo cannot start; exit 3' });
    await deploy(cluster);
  },
});

const remove: Operation = {
  name: 'remove',
  prepare: begin,
  async run(cluster) {
    cluster.delete(web);
    await deploy(cluster);
  },
};

const stop: Operation = {
  name: 'stop',
  prepare: begin,
  run: async (cluster) => void (await cluster.orca('stop', 'web')),
};

export const operations: readonly Operation[] = [
  create,
  startFirst,
  stopFirst,
  rollback('start-first', web, webText),
  rollback('stop-first', store, storeText),
  remove,
  stop,
];
