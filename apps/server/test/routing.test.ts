import { describe, expect, it } from '@jest/globals';
import type { RouteTable } from '@orca/proxy';
import { instanceKey, revision, type InstanceKey } from '@orca/reconcile';
import { parseDesiredState, type RouteSpec, type ServiceSpec } from '@orca/spec';
import { createStore } from '@orca/store';
import { rivalClaim } from '../src/claims.ts';
import { createRecords } from '../src/records.ts';
import { routeTable, type DeclaredRoute, type RoutedInstance } from '../src/route-table.ts';
import { createProxyRouter, type ProxyRouter, type ProxyRouterOptions } from '../src/router.ts';

const inClear: Parameters<typeof createRecords>[1] = {
  hide: (data) => data,
  show: async (value) => ({ value, missing: [] }),
};
const stickyKey = 'the key of these tests';
const key = (service: string, slot = 1, rev = 'x'): InstanceKey => instanceKey(service, slot, revision(rev));
const asks = (change: Partial<RouteSpec> = {}): RouteSpec => ({
  domains: ['a.test'],
  paths: ['/'],
  stripPrefix: false,
  port: 8080,
  ...change,
});
const serves = (service: string, host: string | undefined, route = asks(), slot = 1): RoutedInstance => ({
  key: key(service, slot),
  route,
  host,
});
const wants = (service: string, route = asks(), isStopped = false): DeclaredRoute => ({ service, route, isStopped });

const specsOf = (...texts: readonly string[]): readonly ServiceSpec[] => {
  const files = texts.map((text, index) => ({ path: `services/s${index}/service.toml`, text }));
  const parsed = parseDesiredState(files, { root: '/infra', cluster: undefined });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value.services;
};
const serviceText = (name: string, ...lines: readonly string[]): string =>
  ['[[service]]', `name = "${name}"`, 'image = "i:1"', 'port = 80', ...lines, ''].join('\n');

/** The route of a service with these lines in its [service.proxy]. */
const routeOf = (...lines: readonly string[]): RouteSpec => {
  const [spec] = specsOf(serviceText('web', 'domain = "a.test"', '[service.proxy]', ...lines));
  return spec?.route ?? asks();
};

/** Each route in a line. */
const shown = ({ routes }: RouteTable): readonly string[] =>
  routes.map((r) => {
    const targets = r.targets.map((t) => `${t.host}:${t.port}`).join(' ');
    return `${r.host}${r.pathPrefix} ${r.isStopped === true ? 'stopped' : targets}`;
  });
const table = (routed: readonly RoutedInstance[], declared: readonly DeclaredRoute[] = []): readonly string[] =>
  shown(routeTable({ routed, declared, stickyKey }));

describe('routeTable', () => {
  it('gives every domain and path all instances that have an address', () => {
    const route = asks({ domains: ['a.test', 'b.test'], paths: ['/', '/api'] });
    expect(table([serves('web', '10.0.0.1', route), serves('web', '10.0.0.2', route, 2)])).toEqual([
      'a.test/ 10.0.0.1:8080 10.0.0.2:8080',
      'a.test/api 10.0.0.1:8080 10.0.0.2:8080',
      'b.test/ 10.0.0.1:8080 10.0.0.2:8080',
      'b.test/api 10.0.0.1:8080 10.0.0.2:8080',
    ]);
  });

  it('P16: keeps a domain whose instance does not run, or was taken out, so that it is 503 and not 404', () => {
    expect(table([serves('web', undefined)])).toEqual(['a.test/ ']);
    expect(table([], [wants('web')])).toEqual(['a.test/ ']);
  });

  it('P52: says stopped of what was stopped, but not before its last instance has drained', () => {
    const stopped = wants('web', asks(), true);
    expect(table([serves('web', '10.0.0.1')], [stopped])).toEqual(['a.test/ 10.0.0.1:8080']);
    expect(table([], [stopped])).toEqual(['a.test/ stopped']);
  });

  it('P18: a host that moves stays with the former service until the new one can serve it', () => {
    const moved = [wants('new'), wants('old', asks({ domains: ['o.test'] }))];
    const old = serves('old', '10.0.0.1');
    expect(table([old], moved)).toEqual(['a.test/ 10.0.0.1:8080', 'o.test/ ']);
    expect(table([old, serves('new', undefined)], moved)).toEqual(['a.test/ 10.0.0.1:8080', 'o.test/ ']);
    expect(table([old, serves('new', '10.0.0.2')], moved)).toEqual(['a.test/ 10.0.0.2:8080', 'o.test/ ']);
  });

  it('P18: never mixes the instances of two services', () => {
    expect(table([serves('one', '10.0.0.1'), serves('two', '10.0.0.2')])).toHaveLength(1);
  });

  it('carries what [service.proxy] asks for', () => {
    const route = routeOf(
      'hold_secs = 5',
      'hold_max_requests = 7',
      'hold_health_paths = ["/up"]',
      'sticky = "stay"',
      'max_body = "10M"',
      'rate_limit = { requests = 5, per_secs = 60, burst = 9 }',
      'https_redirect = false',
      'hsts = true',
      'compress = true',
      'strict_path = true',
      'response_timeout_secs = 0',
      'idle_timeout_secs = 1.5',
    );
    expect(routeTable({ routed: [], declared: [wants('web', route)], stickyKey }).routes).toEqual([
      {
        service: 'web',
        host: 'a.test',
        pathPrefix: '/',
        stripPrefix: false,
        targets: [],
        hold: { maxMs: 5000, maxRequests: 7, healthPaths: ['/up'] },
        sticky: { cookie: 'stay', key: stickyKey },
        limits: { maxBodyBytes: 10_000_000, rate: { requests: 5, perMs: 60_000, burst: 9 } },
        timeouts: { responseHeadersMs: 0, responseIdleMs: 1500 },
        https: 'optional',
        hsts: { maxAgeSeconds: 31_536_000, includeSubDomains: false, preload: false },
        compress: true,
        strictPath: true,
      },
    ]);
  });

  it('P41: says of its instances that they speak h2c', () => {
    const [only] = routeTable({
      routed: [serves('web', '10.0.0.1', routeOf('protocol = "h2c"'))],
      declared: [],
      stickyKey,
    }).routes;
    expect(only?.targets).toEqual([expect.objectContaining({ host: '10.0.0.1', protocol: 'h2c' })]);
  });

  it('leaves out what [service.proxy] does not ask for', () => {
    const [only] = routeTable({ routed: [], declared: [wants('web', routeOf())], stickyKey }).routes;
    expect(Object.keys(only ?? {})).toEqual(['host', 'pathPrefix', 'stripPrefix', 'targets', 'service']);
  });

  it('takes the settings of the instance that was routed last', () => {
    const routed = [serves('web', '10.0.0.1'), serves('web', '10.0.0.2', routeOf('hold_secs = 1'), 2)];
    expect(routeTable({ routed, declared: [], stickyKey }).routes).toMatchObject([{ hold: { maxMs: 1000 } }]);
  });
});

interface Rig {
  readonly router: ProxyRouter;
  readonly tables: RouteTable[];
  readonly declared: DeclaredRoute[];
  readonly faults: string[];
}

const aRouter = (record = (): Promise<void> => Promise.resolve()): Rig => {
  const [tables, declared, faults]: [RouteTable[], DeclaredRoute[], string[]] = [[], [], []];
  const proxy: ProxyRouterOptions['proxy'] = {
    replace: async (next) => void tables.push(next),
    drain: () => Promise.resolve(),
  };
  const router = createProxyRouter({
    proxy,
    stickyKey,
    httpsHosts: [],
    declared: () => declared,
    defaultDrainMs: 1,
    addressOf: () => Promise.resolve('10.0.0.1'),
    record,
    onFault: (message) => void faults.push(message),
  });
  return { router, tables, declared, faults };
};

describe('the router', () => {
  it('44: serves on when the disk is too full for its records, and says so', async () => {
    const { router, tables, faults } = aRouter(() => Promise.reject(new Error('database or disk is full')));
    await router.adopt([]);
    const [spec] = specsOf(serviceText('web', 'domain = "a.test"'));
    if (spec === undefined) throw new Error('no spec');
    await router.route(key('web'), spec, new AbortController().signal);
    expect(tables.map(shown).at(-1)).toEqual(['a.test/ 10.0.0.1:80']);
    await router.drain(key('web'), new AbortController().signal);
    expect(tables.at(-1)?.routes).toEqual([]);
    expect(faults).toHaveLength(2);
  });

  it('publishes no table before it has taken over what runs, and then one', async () => {
    const { router, tables, declared } = aRouter();
    declared.push(wants('web'), wants('api', asks({ domains: ['b.test'] })));
    router.redeclare();
    expect(tables).toEqual([]);
    await router.adopt([serves('web', '10.0.0.1'), serves('api', '10.0.0.2', asks({ domains: ['b.test'] }))]);
    expect(tables.map(shown)).toEqual([['a.test/ 10.0.0.1:8080', 'b.test/ 10.0.0.2:8080']]);
  });

  it('keeps a route while its only instance is replaced', async () => {
    const { router, tables, declared } = aRouter();
    declared.push(wants('web'));
    await router.adopt([serves('web', '10.0.0.1')]);
    await router.drain(key('web'), new AbortController().signal);
    expect(tables.map(shown).at(-1)).toEqual(['a.test/ ']);
  });

  it('leaves out a route that cannot be served, and routes the others', async () => {
    const { router, tables, declared, faults } = aRouter();
    declared.push(wants('web'), wants('bad', asks({ domains: ['B.test'] })));
    await router.adopt([]);
    expect(tables.map(shown)).toEqual([['a.test/ ']]);
    expect(faults).toEqual(['B.test/ is not routed: it needs a lower-case host name without port']);
  });

  it('sees a change of any setting as a route to be made, and a record read back as the same', async () => {
    const [spec] = specsOf(
      serviceText('web', 'domain = "a.test"', '[service.proxy]', 'hold_secs = 30', 'sticky = true'),
    );
    const store = createStore({ path: ':memory:', onCorrupt: () => undefined });
    const records = createRecords(store, inClear);
    await records.setRoute(key('web'), spec?.route);
    const route = (await records.routes()).get(key('web'));
    const { router } = aRouter();
    await router.adopt([{ key: key('web'), route: route ?? asks(), host: '10.0.0.1' }]);
    expect(router.isRoutedAs(key('web'), spec?.route)).toBe(true);
    const [changed] = specsOf(
      serviceText('web', 'domain = "a.test"', '[service.proxy]', 'hold_secs = 31', 'sticky = true'),
    );
    expect(router.isRoutedAs(key('web'), changed?.route)).toBe(false);
    // What another version wrote about settings is not believed.
    await store.put('route', key('web'), { ...asks(), policy: { holdMs: 'x' }, policyVersion: 0 });
    expect((await records.routes()).get(key('web'))).toEqual(asks());
    await store.close();
  });

  it('keeps one key for sticky cookies over restarts', async () => {
    const store = createStore({ path: ':memory:', onCorrupt: () => undefined });
    const made = await createRecords(store, inClear).stickyKey();
    expect(made).toMatch(/^[0-9a-f]{64}$/);
    expect(await createRecords(store, inClear).stickyKey()).toBe(made);
    await store.close();
  });
});

describe('rivalClaim', () => {
  const [one] = specsOf(serviceText('one', 'domain = "a.test"', 'routes = ["/api"]'));
  const [two] = specsOf(serviceText('two', 'domains = ["b.test", "a.test"]', 'routes = ["/api/*"]'));

  it('P18: refuses a deploy of one service whose claim another still has, and says where both are written', () => {
    const services = one === undefined || two === undefined ? [] : [{ spec: two }, { spec: one }];
    expect(rivalClaim(services.slice(0, 1), services.slice(1))).toBe(
      'a.test/api is asked for by two (services/s0/service.toml:1:1), and one (services/s0/service.toml:1:1) has it as it was last deployed; deploy both together: orca deploy',
    );
    expect(rivalClaim(services.slice(0, 1), [])).toBeUndefined();
    expect(rivalClaim(services.slice(0, 1), services.slice(0, 1))).toBeUndefined();
  });
});
