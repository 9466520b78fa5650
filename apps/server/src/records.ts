import type { Store } from '@orca/store';
import type { RouteSpec } from '@orca/spec';

/** What the control plane remembers between starts. Losing all of it loses no workload. */
export interface Records {
  isPaused(service: string): Promise<boolean>;
  setPaused(service: string, isPaused: boolean): Promise<void>;
  routes(): Promise<ReadonlyMap<string, RouteSpec>>;
  setRoute(key: string, route: RouteSpec | undefined): Promise<void>;
}

export const createRecords = (store: Store): Records => ({
  isPaused: async (service) => (await store.get('paused', service)) !== undefined,
  setPaused: async (service, isPaused) => {
    if (isPaused) await store.put('paused', service, {});
    else await store.delete('paused', service);
  },
  routes: async () =>
    new Map(
      (await store.list('route')).flatMap(({ id, value }) => {
        const route = asRoute(value);
        return route === undefined ? [] : [[id, route] as const];
      }),
    ),
  setRoute: async (key, route) => {
    if (route === undefined) await store.delete('route', key);
    else await store.put('route', key, route);
  },
});

/** A record may come from another version: what does not look like a route is left out. */
const asRoute = (value: unknown): RouteSpec | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('domains' in value && isStrings(value.domains) && 'paths' in value && isStrings(value.paths))) return undefined;
  if (!('port' in value && typeof value.port === 'number')) return undefined;
  const stripPrefix = 'stripPrefix' in value && value.stripPrefix === true;
  return { domains: value.domains, paths: value.paths, port: value.port, stripPrefix };
};

const isStrings = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');
