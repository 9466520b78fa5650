import { randomBytes } from 'node:crypto';
import { revision, type DesiredService, type Revision } from '@orca/reconcile';
import type { RouteSpec, ServiceSpec } from '@orca/spec';
import type { Store } from '@orca/store';
import type { SecretAccess } from './secret-access.ts';
import { withoutSecrets, type RecordStore } from './record-store.ts';

/** A service as a deploy asked for it. Templates hold names of secrets, never their values. */
export type AcceptedRecord = Pick<
  DesiredService<ServiceSpec>,
  'spec' | 'revision' | 'order' | 'isRouted' | 'stopGraceMs'
> & {
  /** Keyed digests of its secrets as they were; absent in records of earlier versions. */
  readonly secretDigests?: Readonly<Record<string, string>> | undefined;
  /** The image that its name stood for, where that may be another one later; see `isMutable`. */
  readonly imageId?: string | undefined;
  /** The deploy that asked for it, as the log names it; absent in what was taken over. */
  readonly operation?: string | undefined;
};

export interface RecordedState {
  readonly accepted: Map<string, AcceptedRecord>;
  readonly good: Map<string, AcceptedRecord>;
  readonly removed: Set<string>;
  readonly paused: Set<string>;
  /** How often a service was asked to be made anew. */
  readonly generation: Map<string, number>;
  readonly quarantine: Map<string, { readonly revision: Revision; readonly reason: string }>;
}

/** What the control plane remembers between starts. Losing all of it loses no workload. */
export interface Records {
  load(): Promise<RecordedState>;
  put(kind: keyof RecordedState, id: string, value: object): Promise<void>;
  delete(kind: keyof RecordedState, id: string): Promise<void>;
  routes(): Promise<ReadonlyMap<string, RouteSpec>>;
  setRoute(key: string, route: RouteSpec | undefined): Promise<void>;
  /** What sticky cookies are hashed with; made once, and lost with the records: then clients are spread anew. */
  stickyKey(): Promise<string>;
}

/** Of another version of these records nothing is believed: it counts as lost. */
const version = 1;

/** Of another version of `RoutePolicy` nothing is believed: the route counts as one without. */
const policyVersion = 1;

export const createRecords = (plain: Store, secrets: Pick<SecretAccess, 'hide' | 'show'>): Records =>
  recordsIn(withoutSecrets(plain, secrets));

const recordsIn = (store: RecordStore): Records => ({
  load: async () => ({
    accepted: await entries(store, 'accepted', asAccepted),
    good: await entries(store, 'good', asAccepted),
    removed: new Set((await store.list('removed')).map(({ id }) => id)),
    paused: new Set((await store.list('paused')).map(({ id }) => id)),
    generation: await entries(store, 'generation', asCount),
    quarantine: await entries(store, 'quarantine', asFailed),
  }),
  put: (kind, id, value) => store.put(kind, id, { version, ...value }),
  delete: async (kind, id) => void (await store.delete(kind, id)),
  routes: () => entries(store, 'route', asRoute),
  setRoute: async (key, route) => {
    if (route === undefined) await store.delete('route', key);
    else await store.put('route', key, { ...route, policyVersion });
  },
  stickyKey: async () => {
    const known = (await store.list('sticky-key')).flatMap(({ value }) => asKey(value) ?? [])[0];
    if (known !== undefined) return known;
    const key = randomBytes(32).toString('hex');
    await store.put('sticky-key', 'key', { key });
    return key;
  },
});

const entries = async <T>(
  store: RecordStore,
  kind: string,
  read: (value: unknown) => T | undefined,
): Promise<Map<string, T>> =>
  new Map(
    (await store.list(kind)).flatMap(({ id, value }) => {
      const found = read(value);
      return found === undefined ? [] : [[id, found] as const];
    }),
  );

/** Written by this very version from a parsed spec, so its head tells that the rest is there. */
const asAccepted = (value: unknown): AcceptedRecord | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  return 'version' in value && value.version === version && isAccepted(value) ? value : undefined;
};

const isAccepted = (value: object): value is AcceptedRecord =>
  ['spec', 'revision', 'order', 'isRouted', 'stopGraceMs'].every((field) => field in value);

const asFailed = (value: unknown): { readonly revision: Revision; readonly reason: string } | undefined => {
  if (typeof value !== 'object' || value === null || !('revision' in value && 'reason' in value)) return undefined;
  return { revision: revision(String(value.revision)), reason: String(value.reason) };
};

const asCount = (value: unknown): number | undefined =>
  typeof value === 'object' && value !== null && 'count' in value && typeof value.count === 'number'
    ? value.count
    : undefined;

/** A record may come from another version: what does not look like a route is left out. */
const asRoute = (value: unknown): RouteSpec | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('domains' in value && isStrings(value.domains) && 'paths' in value && isStrings(value.paths))) return undefined;
  if (!('port' in value && typeof value.port === 'number')) return undefined;
  const stripPrefix = 'stripPrefix' in value && value.stripPrefix === true;
  const route = { domains: value.domains, paths: value.paths, port: value.port, stripPrefix };
  return isOfThisVersion(value) ? { ...route, policy: value.policy } : route;
};

/** Written by this very version from a parsed spec: the policy needs no second reading. */
const isOfThisVersion = (value: object): value is Pick<RouteSpec, 'policy'> =>
  'policyVersion' in value && value.policyVersion === policyVersion;

const asKey = (value: unknown): string | undefined =>
  typeof value === 'object' && value !== null && 'key' in value && typeof value.key === 'string'
    ? value.key
    : undefined;

const isStrings = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');
