import { filePath } from './acme.ts';
import { COMPOSE_KEYS, composedOf } from './compose.ts';
import { composeDuration, composeSize } from './compose-units.ts';
import { compare, type Place } from './faults.ts';
import { DEFAULT_DEPLOY, deployPolicy } from './deploy-policy.ts';
import { LATER_SERVICE_KEYS } from './later-service-keys.ts';
import type { BindMount, PublishedPort, RouteSpec, ServiceName, ServiceSpec, VolumeMount } from './model.ts';
import {
  containerPath,
  type MountRules,
  resolveMount,
  volumeMount,
  type WrittenMount,
  writtenMount,
} from './mounts.ts';
import { alias, domain, envNameFault, image, networkName, projectName } from './names.ts';
import { routePath, serviceName, stopSignal, urlPath } from './names.ts';
import { shorthandProbe, writtenProbe } from './probe.ts';
import { routePolicy } from './route-policy.ts';
import { publishedPort } from './published-ports.ts';
import { secretFiles } from './secret-files.ts';
import {
  flag,
  integer,
  list,
  nonEmptyList,
  oneOf,
  parsedText,
  port,
  quote,
  record,
  Refusal,
  seconds,
  template,
  text,
} from './read.ts';
import { later, optional, type Read, readTable, required, rows, table, type Values, withDefault } from './table.ts';
import type { TomlTable } from './toml.ts';
import { cpus, memory } from './units.ts';
import { updateOrderOf, writtenBy } from './update-order.ts';

export interface ServiceContext extends MountRules {
  /** Used when the text names none; `undefined` when the file's place does not give one either. */
  readonly project: string | undefined;
  readonly source: ServiceSpec['source'];
  /** Secrets whose values were filled into its text. */
  readonly filled: readonly string[];
}

/**
 * One `[[service]]`. After a fault it still gives the best it could read, so that rules between services can be
 * checked as well; only a service without a name gives nothing.
 */
export function readService(value: TomlTable, at: Place, context: ServiceContext): ServiceSpec | undefined {
  const read = readTable(SERVICE, value, at);
  const written: Written = { read, has: (key) => Object.hasOwn(value, key) };
  const project = read.project ?? context.project;
  if (project === undefined && !written.has('project'))
    at.at('project').error('is required here: the directory of this file cannot be a project name');
  if (read.name === undefined) return undefined;
  const spec: ServiceSpec = {
    name: read.name,
    project: project ?? '',
    image: read.image ?? '',
    pullPolicy: read.pull_policy,
    replicas: read.replicas,
    command: read.command,
    env: read.env,
    port: read.port,
    route: routeOf(written, at),
    dependsOn: [...new Set(read.depends_on)].toSorted(compare),
    publishedPorts: publishedPortsOf(written, at),
    volumes: volumesOf(read, read.name),
    mounts: mountsOf(read, at, context),
    ...probesOf(written, at),
    aliases: read.aliases.toSorted(),
    network: read.network,
    resources: resourcesOf(written, at),
    restartPolicy: read.restart_policy,
    stopGraceMs: eitherOf(written, at, 'stop_grace_secs', 'stop_grace_period'),
    stopSignal: read.stop_signal,
    deploy: read.deploy,
    backup: read.backup,
    ...composedOf(read, at, context),
    secretFiles: read.secret_files,
    autoRedeploy: read.auto_redeploy === true ? true : undefined,
    filled: context.filled.length === 0 ? undefined : context.filled,
    source: context.source,
  };
  checkTargets(spec, at);
  checkScale(spec, at);
  checkOrder(spec, at);
  checkHold(spec, at);
  return spec;
}

function routeOf({ read, has }: Written, at: Place): RouteSpec | undefined {
  if (has('domain') && has('domains')) at.at('domains').error('cannot stand next to domain: keep one of the two');
  if (!has('domain') && !has('domains')) {
    if (has('routes')) at.at('routes').error('has no effect without domain: set it, or remove routes');
    if (read.strip_prefix) at.at('strip_prefix').error('has no effect without domain and routes');
    if (has('proxy')) at.at('proxy').error('has no effect without domain: set it, or remove [service.proxy]');
    for (const key of ['tls_cert', 'tls_key'] as const) if (has(key)) at.at(key).error('has no effect without domain');
    return undefined;
  }
  if (!has('port')) at.at(has('domain') ? 'domain' : 'domains').error('needs port: the port the container listens on');
  const domains = read.domains ?? (read.domain === undefined ? [] : [read.domain]);
  const paths = read.routes ?? ['/'];
  const { tls_cert: certFile, tls_key: keyFile } = read;
  if (has('tls_cert') !== has('tls_key'))
    at.at(has('tls_cert') ? 'tls_cert' : 'tls_key').error('tls_cert and tls_key go together: set both');
  return {
    domains: sorted(domains),
    paths: sorted(paths),
    stripPrefix: read.strip_prefix,
    port: read.port ?? 0,
    policy: read.proxy,
    tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
  };
}

function publishedPortsOf({ read, has }: Written, at: Place): readonly PublishedPort[] {
  if (read.host_port === undefined) return read.extra_ports;
  if (!has('port')) at.at('host_port').error('needs port: the port the container listens on');
  const [hostPort, containerPort] = [read.host_port, read.port ?? 0];
  return [...read.extra_ports, { hostIp: '0.0.0.0', hostPort, containerPort, protocol: 'tcp' }];
}

function volumesOf(read: Written['read'], name: ServiceName): readonly VolumeMount[] {
  if (read.volume?.path === undefined) return read.volumes;
  return [...read.volumes, { source: `orca-${name}-data`, target: read.volume.path, readOnly: false }];
}

function mountsOf(read: Written['read'], at: Place, rules: MountRules): readonly BindMount[] {
  return read.mounts.map(({ index, mount }) => resolveMount(mount, rules, at.at('mounts', index)));
}

function probesOf({ read, has }: Written, at: Place): Pick<ServiceSpec, 'readiness' | 'liveness'> {
  const shared = read.health === undefined ? undefined : shorthandProbe(read.health);
  const resolve = (key: 'readiness' | 'liveness'): ServiceSpec['liveness'] => {
    const written = read[key] ?? shared;
    if (written === undefined) return undefined;
    if (written.port === undefined && !has('port')) {
      at.at(has(key) ? key : 'health').error('needs a port to ask: set port on the service or in the probe');
    }
    return { ...written, port: written.port ?? read.port ?? 0 };
  };
  return { readiness: resolve('readiness'), liveness: resolve('liveness') };
}

function checkTargets(spec: ServiceSpec, at: Place): void {
  const seen = new Set<string>();
  for (const { target } of [...spec.volumes, ...spec.mounts, ...(spec.secretFiles ?? [])]) {
    if (seen.has(target)) at.error(`two volumes or mounts have the same target ${target}`);
    seen.add(target);
  }
}

function checkScale(spec: ServiceSpec, at: Place): void {
  if (spec.replicas <= 1) return;
  const [published] = spec.publishedPorts;
  if (published !== undefined)
    at.at('replicas').error(`must be 1: only one instance can have host port ${published.hostPort}`);
  const written = spec.sharedVolume === true ? undefined : writtenBy(spec);
  if (written !== undefined)
    at.at('replicas').error(
      `must be 1: ${written} has one writer at a time; if it tolerates several: shared_volume = true`,
    );
}

/** An explicit start-first that would let two instances share a port or write one volume. */
function checkOrder(spec: ServiceSpec, at: Place): void {
  if (spec.deploy.order !== 'start-first') return;
  const needed = updateOrderOf({ ...spec, deploy: { ...spec.deploy, order: undefined } });
  if (needed.kind === 'stop-first') at.at('deploy', 'order').error(`cannot be "start-first": ${needed.reason}`);
}

/** Requests that wait for an update are of no use if they give up before it can be over. */
function checkHold(spec: ServiceSpec, at: Place): void {
  const holdMs = spec.route?.policy?.holdMs ?? 0;
  const { minHealthyMs } = spec.deploy;
  if (holdMs === 0 || holdMs > minHealthyMs || updateOrderOf(spec).kind === 'start-first') return;
  at.at('proxy', 'hold_secs').warn(
    `is too short for an update: a replacement is routed after [service.deploy] min_healthy_secs (${minHealthyMs / 1000}), counted from its first answer`,
  );
}

/** orca's own key and Compose's name for the same: one of the two. */
function eitherOf(
  { read, has }: Written,
  at: Place,
  own: 'stop_grace_secs',
  compose: 'stop_grace_period',
): ServiceSpec['stopGraceMs'] {
  if (has(own) && has(compose)) at.at(compose).error(`cannot stand next to ${own}: keep one of the two`);
  return read[compose] ?? read[own];
}

function resourcesOf({ read, has }: Written, at: Place): ServiceSpec['resources'] {
  const { memoryBytes, cpus: cores } = read.resources;
  if (has('mem_limit') && memoryBytes !== undefined)
    at.at('mem_limit').error('cannot stand next to [service.resources] memory: keep one of the two');
  if (has('cpus') && cores !== undefined)
    at.at('cpus').error('cannot stand next to [service.resources] cpu: keep one of the two');
  return { memoryBytes: memoryBytes ?? read.mem_limit, cpus: cores ?? read.cpus };
}

const replicas: Read<number> = (value, at) => {
  if (value !== 'auto') return integer(0, 100)(value, at);
  at.warn('not supported yet: replicas = "auto"; 1 is used');
  return 1;
};

const runtime: Read<'docker' | 'container' | 'wasm'> = (value, at) => {
  const read = oneOf('docker', 'container', 'wasm')(value, at);
  if (read === 'wasm') at.error('not supported yet: runtime = "wasm"; only containers run');
  return read;
};

const RESTART_POLICIES = ['no', 'always', 'unless-stopped', 'on-failure'] as const;
const restartPolicy: Read<ServiceSpec['restartPolicy']> = parsedText((written) => {
  const [, policy, retries] = /^([a-z-]+)(?::(\d{1,4}))?$/.exec(written) ?? [];
  const name = RESTART_POLICIES.find((candidate) => candidate === policy);
  if (name !== undefined && (retries === undefined || name === 'on-failure'))
    return { name, maxRetries: Number(retries ?? 0) };
  return new Refusal(`${quote(written)} is not a restart policy: no, always, unless-stopped or on-failure[:N]`);
});

/** Keeps the index, because a mount is judged after reading and a fault must still find its place. */
const mounts: Read<readonly IndexedMount[]> = (value, at) => {
  return list((element, place): IndexedMount | undefined => {
    const mount = writtenMount(element, place);
    const index = place.path.at(-1);
    return mount === undefined || typeof index !== 'number' ? undefined : { index, mount };
  })(value, at);
};
interface IndexedMount {
  readonly index: number;
  readonly mount: WrittenMount;
}

const resources: Read<ServiceSpec['resources']> = (value, at) => {
  const read = table(RESOURCES)(value, at);
  return read === undefined ? undefined : { memoryBytes: read.memory, cpus: read.cpu };
};

const backup: Read<ServiceSpec['backup']> = (value, at) => {
  const read = table(BACKUP)(value, at);
  return read === undefined ? undefined : { enabled: read.enabled, preHook: read.pre_hook };
};

const VOLUME = rows({
  title: '[service.volume]',
  keys: { path: required(containerPath), size: later('volume size limits', optional(memory)) },
});
const RESOURCES = rows({
  title: '[service.resources]',
  keys: { memory: optional(memory), cpu: optional(cpus) },
  later: LATER_SERVICE_KEYS.resources,
});
const BACKUP = rows({
  title: '[service.backup]',
  keys: { enabled: withDefault(flag, true), pre_hook: later('backup.pre_hook; no backup runs it yet', optional(text)) },
});

const SERVICE = rows({
  title: '[[service]]',
  keys: {
    name: required(serviceName),
    project: optional(projectName),
    image: required(image),
    runtime: withDefault(runtime, 'docker'),
    command: optional(list(template)),
    domain: optional(domain),
    domains: optional(nonEmptyList(domain)),
    port: optional(port),
    host_port: optional(port),
    routes: optional(nonEmptyList(routePath)),
    strip_prefix: withDefault(flag, false),
    proxy: optional(routePolicy),
    tls_cert: optional(filePath),
    tls_key: optional(filePath),
    depends_on: withDefault(list(serviceName), []),
    extra_ports: withDefault(list(publishedPort), []),
    env: withDefault(record(template, envNameFault), {}),
    volumes: withDefault(list(volumeMount), []),
    volume: optional(table(VOLUME)),
    mounts: withDefault(mounts, []),
    health: optional(urlPath),
    liveness: optional(writtenProbe('[service.liveness]')),
    readiness: optional(writtenProbe('[service.readiness]')),
    replicas: withDefault(replicas, 1),
    resources: withDefault(resources, { memoryBytes: undefined, cpus: undefined }),
    deploy: withDefault(deployPolicy, DEFAULT_DEPLOY),
    aliases: withDefault(list(alias), []),
    network: optional(networkName),
    pull_policy: withDefault(oneOf('auto', 'always', 'never', 'if-not-present'), 'auto'),
    restart_policy: withDefault(restartPolicy, { name: 'always', maxRetries: 0 }),
    stop_grace_secs: withDefault(seconds(0, 3600), 10_000),
    stop_grace_period: optional(composeDuration(3_600_000)),
    mem_limit: optional(composeSize),
    cpus: optional(cpus),
    stop_signal: optional(stopSignal),
    ...COMPOSE_KEYS,
    secret_files: optional(secretFiles),
    auto_redeploy: optional(flag),
    backup: withDefault(backup, { enabled: true, preHook: undefined }),
  },
  later: LATER_SERVICE_KEYS.service,
  instead: {
    ports: 'write extra_ports = ["8080:80"]; for HTTP write domain and port',
    environment: 'write [service.env]',
    container_name: 'containers are called orca-<service>',
    restart: 'write restart_policy',
    healthcheck: 'write [service.liveness] or [service.readiness]',
    networks: 'services of one project share a network; write network, or internal = true',
    network_mode: 'write network',
    expose: 'services of one project reach every port of each other',
    scale: 'write replicas',
  },
});

/** What could be read, beside what was written: a port that could not be read is not a missing one. */
interface Written {
  readonly read: Values<(typeof SERVICE)['keys']>;
  readonly has: (key: keyof (typeof SERVICE)['keys']) => boolean;
}

const sorted = (items: readonly string[]): readonly string[] => [...new Set(items)].toSorted(compare);
