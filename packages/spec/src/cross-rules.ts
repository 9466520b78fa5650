import { findCycles } from './dependencies.ts';
import type { Place } from './faults.ts';
import type { ClusterSpec, PublishedPort, ServiceSpec } from './model.ts';
import { nearest } from './nearest.ts';
import { quote } from './read.ts';
import { claimsOf } from './route-claims.ts';
import { formatPort, portsOverlap } from './published-ports.ts';

/** A service with the way back to its text. */
export interface Located {
  readonly spec: ServiceSpec;
  readonly place: Place;
  /** Under which key its domains are written. */
  readonly domainKey: 'domain' | 'domains';
}

export interface CrossContext {
  readonly cluster: ClusterSpec;
  /** False when some service could not be read: then a name that seems unknown may be one of those. */
  readonly isComplete: boolean;
}

/** Rules between services. `services` are in a fixed order, so that of two rivals always the same one is blamed. */
export function checkAcross(services: readonly Located[], context: CrossContext): void {
  checkNames(services);
  checkInstanceNames(services);
  checkRoutes(services);
  checkPublishedPorts(services, context.cluster);
  if (context.isComplete) checkKnownDependencies(services);
  checkCycles(services);
}

function checkNames(services: readonly Located[]): void {
  const first = new Map<string, ServiceSpec>();
  for (const { spec, place } of services) {
    const other = first.get(spec.name);
    if (other === undefined) first.set(spec.name, spec);
    else place.at('name').error(`service ${quote(spec.name)} is already defined at ${where(other)}`);
  }
}

/** Replicas of `web` are called `orca-web-2`, `orca-web-3` …: so would be a service called `web-2`. */
function checkInstanceNames(services: readonly Located[]): void {
  const byName = new Map(services.map((service) => [String(service.spec.name), service]));
  for (const { spec } of services) {
    for (let slot = 2; slot <= spec.replicas; slot++) {
      const rival = byName.get(`${spec.name}-${slot}`);
      rival?.place.at('name').error(`is also the name of replica ${slot} of ${quote(spec.name)} at ${where(spec)}`);
    }
  }
}

/** Both sides are told, each at its own place: which of the two is wrong only their author knows. */
function checkRoutes(services: readonly Located[]): void {
  const claims = new Map<string, Located>();
  for (const service of services) {
    for (const claim of claimsOf(service.spec.route)) {
      const other = claims.get(claim);
      if (other === undefined) claims.set(claim, service);
      else {
        service.place.at(service.domainKey).error(`${claim} is already routed to ${named(other.spec)}`);
        other.place.at(other.domainKey).error(`${claim} is routed to ${named(service.spec)} as well`);
      }
    }
  }
}

function checkPublishedPorts(services: readonly Located[], cluster: ClusterSpec): void {
  const all = ownPorts(cluster);
  for (const { spec, place } of services) {
    for (const port of spec.publishedPorts) {
      const rival = all.find((other) => portsOverlap(other.port, port));
      if (rival === undefined) all.push({ port, owner: `service ${quote(spec.name)} at ${where(spec)}` });
      else place.at('extra_ports').error(`host port ${formatPort(port)} is already taken by ${rival.owner}`);
    }
  }
}

interface TakenPort {
  readonly port: PublishedPort;
  readonly owner: string;
}

function ownPorts(cluster: ClusterSpec): TakenPort[] {
  const { bind, httpPort, httpsPort } = cluster.proxy;
  return [
    taken(bind, httpPort, "orca's proxy (cluster.toml [proxy] http_port)"),
    ...(httpsPort === undefined ? [] : [taken(bind, httpsPort, "orca's proxy (cluster.toml [proxy] https_port)")]),
    ...cluster.apiBind.map((ip) => taken(ip, cluster.apiPort, "orca's API (cluster.toml [cluster] api_port)")),
  ];
}

function taken(hostIp: string, hostPort: number, owner: string): TakenPort {
  return { port: { hostIp, hostPort, containerPort: hostPort, protocol: 'tcp' }, owner };
}

function checkKnownDependencies(services: readonly Located[]): void {
  const names = services.map(({ spec }) => String(spec.name));
  const known = new Set(names);
  for (const { spec, place } of services) {
    for (const name of spec.dependsOn) {
      if (known.has(name)) continue;
      const meant = nearest(
        name,
        names.filter((other) => other !== spec.name),
      );
      const hint = meant === undefined ? '' : `; did you mean ${quote(meant)}?`;
      place.at('depends_on').error(`there is no service ${quote(name)}${hint}`);
    }
  }
}

function checkCycles(services: readonly Located[]): void {
  const byName = new Map(services.map((service) => [String(service.spec.name), service]));
  const edges = new Map(services.map(({ spec }) => [String(spec.name), spec.dependsOn]));
  for (const cycle of findCycles(edges)) {
    const place = byName.get(cycle[0] ?? '')?.place.at('depends_on');
    if (cycle.length === 2) place?.error(`${quote(cycle[0] ?? '')} depends on itself`);
    else place?.error(`services wait for each other: ${cycle.join(' -> ')}`);
  }
}

const named = (spec: ServiceSpec): string => `${quote(spec.name)} at ${where(spec)}`;

const where = ({ source }: ServiceSpec): string => `${source.file}:${source.line}`;
