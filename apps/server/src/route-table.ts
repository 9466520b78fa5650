import type { Route, RouteTable, Target } from '@orca/proxy';
import type { InstanceKey } from '@orca/reconcile';
import type { RouteSpec } from '@orca/spec';
import { routeSettings } from './route-settings.ts';

/** One instance that takes requests, and for what. */
export interface RoutedInstance {
  readonly key: InstanceKey;
  readonly route: RouteSpec;
  /** Address on the service's network; `undefined` while it does not run. */
  readonly host: string | undefined;
}

/** What a service that is kept asks for, whether or not an instance of it serves at the moment. */
export interface DeclaredRoute {
  readonly service: string;
  readonly route: RouteSpec;
  /** By its operator. */
  readonly isStopped: boolean;
}

export interface RoutingState {
  /** Of two instances of a service the later one's route counts. */
  readonly routed: Iterable<RoutedInstance>;
  readonly declared: Iterable<DeclaredRoute>;
  /** Keys the cookies of sticky routes. */
  readonly stickyKey: string;
}

/**
 * What the proxy should do: the instances of a service share its routes, and a service without
 * one keeps them, so that its hosts are known. A host that moves from one service to another
 * stays with the former until the new one has an instance to serve it.
 */
export const routeTable = (state: RoutingState): RouteTable => {
  const claims = new Map<string, Map<string, Claim>>();
  for (const { service, route, isStopped } of state.declared) {
    for (const claim of claimsOf(claims, service, route)) {
      claim.isDeclared = true;
      claim.isStopped = isStopped;
    }
  }
  for (const { key, route, host } of state.routed) {
    for (const claim of claimsOf(claims, key.slice(0, key.indexOf('/')), route)) {
      claim.route = route;
      if (host !== undefined) claim.targets.push(targetOf(key, host, route));
    }
  }
  const routes = [...claims.values()].flatMap((rivals) => {
    const claim = winner([...rivals.values()]);
    return claim === undefined ? [] : [routeOf(claim, state.stickyKey)];
  });
  return { routes };
};

const targetOf = (id: string, host: string, { port, policy }: RouteSpec): Target => {
  const target = { id, host, port };
  return policy?.protocol === 'h2c' ? { ...target, protocol: 'h2c' } : target;
};

interface Claim {
  readonly service: string;
  readonly host: string;
  readonly pathPrefix: string;
  route: RouteSpec;
  readonly targets: Target[];
  isDeclared: boolean;
  isStopped: boolean;
}

/** The claims of one service, made where there is none yet. */
const claimsOf = (all: Map<string, Map<string, Claim>>, service: string, route: RouteSpec): readonly Claim[] =>
  route.domains.flatMap((host) =>
    route.paths.map((pathPrefix) => {
      const id = `${host}${pathPrefix}`;
      const rivals = all.get(id) ?? new Map<string, Claim>();
      const claim = rivals.get(service) ?? {
        service,
        host,
        pathPrefix,
        route,
        targets: [],
        isDeclared: false,
        isStopped: false,
      };
      all.set(id, rivals.set(service, claim));
      return claim;
    }),
  );

/** Whoever is asked for and can serve; else whoever can serve; else whoever is asked for. */
const winner = (rivals: readonly Claim[]): Claim | undefined =>
  rivals.find((one) => one.isDeclared && one.targets.length > 0) ??
  rivals.find((one) => one.targets.length > 0) ??
  rivals.find((one) => one.isDeclared) ??
  rivals[0];

const routeOf = ({ service, host, pathPrefix, route, targets, isStopped }: Claim, stickyKey: string): Route => ({
  host,
  pathPrefix,
  stripPrefix: route.stripPrefix,
  targets,
  // Instances that are still draining away serve to the end.
  ...(isStopped && targets.length === 0 ? { isStopped } : {}),
  service,
  ...(route.policy === undefined ? {} : routeSettings(route.policy, stickyKey)),
});
