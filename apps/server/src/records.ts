import { randomBytes } from 'node:crypto';
import { revision } from '@orca/reconcile';
import type { RouteSpec } from '@orca/spec';
import type { Change, Store } from '@orca/store';
import { unpromised, type AcceptedRecord, type Failed, type Promised } from './promised.ts';
import { withoutSecrets, type RecordStore } from './record-store.ts';
import type { SecretAccess } from './secret-access.ts';

/** What the control plane remembers between starts. Losing all of it loses no workload. */
export interface Records {
  load(): Promise<ReadonlyMap<string, Promised>>;
  /** All that these promises have other than what is written down already, or none of it. */
  write(promises: ReadonlyMap<string, Promised>, written: ReadonlyMap<string, Promised>): Promise<void>;
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
  load: async () => {
    const accepted = await entries(store, 'accepted', asAccepted);
    const good = await entries(store, 'good', asAccepted);
    const removed = await entries(store, 'removed', isThere);
    const paused = await entries(store, 'paused', isThere);
    const generation = await entries(store, 'generation', asCount);
    const quarantine = await entries(store, 'quarantine', asFailed);
    const names = new Set([accepted, good, removed, paused, generation, quarantine].flatMap((m) => [...m.keys()]));
    const promised = (name: string): Promised => ({
      record: accepted.get(name),
      good: good.get(name),
      isRemoved: removed.has(name),
      isPaused: paused.has(name),
      generation: generation.get(name) ?? 0,
      failed: quarantine.get(name),
    });
    return new Map([...names].map((name) => [name, promised(name)] as const));
  },
  write: async (promises, written) => {
    await store.write([...promises].flatMap(([name, p]) => changesOf(name, p, written.get(name) ?? unpromised)));
  },
  routes: () => entries(store, 'route', asRoute),
  setRoute: async (key, route) => {
    await store.write([changeOf('route', key, route && { ...route, policyVersion })]);
  },
  stickyKey: async () => {
    const known = (await store.list('sticky-key')).flatMap(({ value }) => asKey(value) ?? [])[0];
    if (known !== undefined) return known;
    const key = randomBytes(32).toString('hex');
    await store.write([changeOf('sticky-key', 'key', { key })]);
    return key;
  },
});

/** What is not promised is deleted in any case: there may be a row of another version, which reads as nothing here. */
const changesOf = (name: string, p: Promised, was: Promised): readonly Change[] => {
  const row = (kind: string, value: object | undefined, isAsBefore: boolean): readonly Change[] =>
    isAsBefore && value !== undefined ? [] : [changeOf(kind, name, value && { version, ...value })];
  return [
    ...row('accepted', p.record, p.record === was.record),
    ...row('good', p.good, p.good === was.good),
    ...row('removed', p.isRemoved ? {} : undefined, p.isRemoved === was.isRemoved),
    ...row('paused', p.isPaused ? {} : undefined, p.isPaused === was.isPaused),
    ...row('generation', p.generation === 0 ? undefined : { count: p.generation }, p.generation === was.generation),
    ...row('quarantine', p.failed, p.failed === was.failed),
  ];
};

const changeOf = (kind: string, id: string, value: object | undefined): Change =>
  value === undefined ? { type: 'delete', kind, id } : { type: 'put', kind, id, value };

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

const asFailed = (value: unknown): Failed | undefined => {
  if (typeof value !== 'object' || value === null || !('revision' in value && 'reason' in value)) return undefined;
  return { revision: revision(String(value.revision)), reason: String(value.reason) };
};

/** What it says is that it is there. */
const isThere = (): true => true;

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
