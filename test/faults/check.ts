import type { Docker } from '@orca/tooling-testbed';
import type { Cluster } from './cluster.ts';
import { containersOf, identities, linesOf, type Container } from './containers.ts';
import type { ServiceState } from './status.ts';

export interface CheckOptions {
  /** Services whose newest revision must fail; it is kept, stopped, for its logs, while the one before runs. */
  readonly failed?: readonly string[];
}

/** All that is not as it must be once orca is through; empty when it is. */
export const check = async (
  docker: Docker,
  cluster: Cluster,
  options: CheckOptions = {},
): Promise<readonly string[]> => {
  const containers = await containersOf(docker, cluster.name);
  const fromEngine = [...oddities(containers, options), ...(await oddNetworks(docker, cluster.name))];
  // What the engine shows is asked first: it is cheap, and wrong for most of the time that one waits.
  if (fromEngine.length > 0) return fromEngine;
  const services = await cluster.status();
  const known = new Set(services.map((s) => s.name));
  const unknown = containers.filter((c) => !known.has(c.service)).map((c) => `${c.name} belongs to no service`);
  return [...unknown, ...services.flatMap((s) => faultsOf(s, containers, options))];
};

const oddities = (containers: readonly Container[], { failed = [] }: CheckOptions): readonly string[] =>
  containers.flatMap((c) => {
    if (c.state === 'created') return [`${c.name} was created and never started`];
    if (c.state !== 'running' && c.state !== 'exited') return [`${c.name} is ${c.state}`];
    const isKept = failed.includes(c.service) && c.state === 'exited' && c.name.endsWith('.next');
    return isKept || c.name === stableName(c) ? [] : [`${c.name} is left over (${c.state})`];
  });

const stableName = ({ service, slot }: Container): string =>
  slot === '1' ? `orca-${service}` : `orca-${service}-${slot}`;

const faultsOf = (
  service: ServiceState,
  containers: readonly Container[],
  { failed = [] }: CheckOptions,
): readonly string[] => {
  const own = containers.filter((c) => c.service === service.name && !c.name.endsWith('.next'));
  const running = own.filter((c) => c.state === 'running');
  if (service.paused) return running.map((c) => `${c.name} runs, but was stopped by request`);
  const faults: string[] = [];
  const slots = running.map((c) => c.slot).sort();
  const wanted = Array.from({ length: service.desiredReplicas }, (_, i) => String(i + 1)).sort();
  if (slots.join() !== wanted.join()) {
    faults.push(`${service.name}: slots ${wanted.join()} are wanted and ${slots.join() || 'none'} run`);
  }
  if (own.length > running.length)
    faults.push(`${service.name}: ${own.length - running.length} containers lie stopped`);
  if (new Set(running.map((c) => c.revision)).size > 1) faults.push(`${service.name}: several revisions run`);
  if (failed.includes(service.name)) {
    if (service.lastFailure === undefined) faults.push(`${service.name} has not failed (yet)`);
  } else if (!service.upToDate) {
    faults.push(`${service.name} is not up to date (${service.status}: ${service.lastFailure ?? 'no reason given'})`);
  }
  return faults;
};

const oddNetworks = async (docker: Docker, cluster: string): Promise<readonly string[]> => {
  const filter = `label=orca.cluster=${cluster}`;
  const names = linesOf(await docker.output(['network', 'ls', '--filter', filter, '--format', '{{.Name}}']));
  const volumes = linesOf(await docker.output(['volume', 'ls', '--filter', filter, '--format', '{{.Name}}']));
  return [
    ...names.filter((name, index) => names.indexOf(name) !== index).map((name) => `there are two networks ${name}`),
    ...volumes.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => `volume ${name} belongs to nobody`),
  ];
};

/** Containers that are none of this cluster's, but look much like it. */
export interface Foreigners {
  /** What happened to them since; nothing may. */
  faults(): Promise<readonly string[]>;
}

export const standForeigners = async (docker: Docker, service: string): Promise<Foreigners> => {
  const alike = [
    'orca.managed=true',
    'orca.cluster=other',
    `orca.service=${service}`,
    'orca.slot=1',
    'orca.revision=x',
  ];
  const labelled = alike.flatMap((label) => ['--label', label]);
  const run = (name: string, labels: readonly string[]): Promise<string> =>
    docker.output(['run', '-d', '--name', name, ...labels, 'busybox:1.36', 'sleep', '100000']);
  const ids = [await run(`orca-${service}-db`, []), await run(`orca-${service}.old`, labelled)].map((id) => id.trim());
  const before = await identities(docker, ids);
  return {
    faults: async () => {
      const now = await identities(docker, ids).catch(() => new Map<string, string>());
      return ids
        .filter((id) => now.get(id) !== before.get(id))
        .map((id) => `a foreign container was touched: ${before.get(id)} became ${now.get(id) ?? 'nothing'}`);
    },
  };
};
