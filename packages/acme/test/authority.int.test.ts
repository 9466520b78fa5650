import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { topIssuer } from '../src/certificate.ts';
import {
  createAcmeIssuer,
  createFileLeaser,
  createFileStore,
  createHttpsTransport,
  dns01Hook,
  type Issuer,
} from '../src/index.ts';
import { faultProxy, problem, type Asked, type FaultProxy } from './fault-proxy.ts';
import { allValid, anyFailed, managed, patienceMs, rig, type Managed, type ManagedOptions, type Rig } from './rig.ts';

// One authority for all: each test has a directory and names of its own.
let on: Rig;
let front: FaultProxy;
let count = 0;
let host = '';
let dir = '';

beforeAll(async () => {
  on = await rig({ alternateRoots: 1 });
  front = await faultProxy(on.pebble);
});
afterAll(async () => {
  await front[Symbol.asyncDispose]();
  await on[Symbol.asyncDispose]();
});
beforeEach(() => {
  count += 1;
  host = `t${count}.acme.test`;
  dir = join(on.dir.path, `t${count}`);
  front.fault = () => undefined;
});

const issuerAt = (directory: string, now: () => number): Issuer => {
  const [leaser, store] = [createFileLeaser({ dir: join(dir, 'leases') }), createFileStore({ dir, directory, now })];
  const transport = createHttpsTransport({ ca: on.pebble.ca });
  return createAcmeIssuer({
    directory,
    email: '',
    termsAgreed: true,
    accounts: store,
    leaser,
    transport,
    now,
  });
};
const open = (o: ManagedOptions = {}): Managed => managed(on, { directory: front.directory, dir, ...o });
const issued = async (o: ManagedOptions = {}): Promise<Managed> => {
  const it = open(o);
  await it.manager.manage([host]);
  await it.settle(allValid);
  return it;
};
const since = async (body: () => Promise<unknown>): Promise<readonly Asked[]> => {
  const before = front.asked.length;
  await body();
  return front.asked.slice(before);
};
const payloads = (asked: readonly Asked[], path: RegExp): readonly unknown[] =>
  asked.filter((one) => path.test(one.path)).map(({ payload }) => payload);
const newOrders = (asked: readonly Asked[]): readonly unknown[] => payloads(asked, /^\/order-plz/);
const files = async (pattern: RegExp): Promise<readonly string[]> =>
  (await readdir(dir, { recursive: true, withFileTypes: true }))
    .filter((one) => one.isFile() && pattern.test(one.name))
    .map((one) => join(one.parentPath, one.name));

describe('accounts', () => {
  test('A1: the key is the owner’s alone; a crash before the answer finds the account by its key', async () => {
    const it = await issued();
    const [path = ''] = await files(/^account-/);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const account = JSON.parse(await readFile(path, 'utf8')) as { url?: string };
    const { url } = account;
    delete account.url;
    await writeFile(path, JSON.stringify(account));
    await it.manager.renew(host);
    const asked = await since(async () => {
      const again = open();
      await again.manager.manage([host]);
      await again.settle((all) => all[0]?.renewal?.why !== 'it was asked for');
    });
    const registrations = payloads(asked, /^\/sign-me-up/);
    expect(registrations.every((one) => JSON.stringify(one) === '{"onlyReturnExisting":true}')).toBe(true);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ url });
  });

  test('A3: without agreement nothing is registered, and the error has the address of the terms', async () => {
    const terms: string[] = [];
    const issuer = { termsAgreed: false };
    const it = open({ issuer });
    await it.manager.manage([host]);
    const asked = await since(() => it.settle(anyFailed));
    expect(payloads(asked, /^\/sign-me-up/)).toEqual([]);
    expect(it.manager.state()[0]?.lastFailure?.detail).toMatch(/terms of service, data:|terms of service, http/);
    await issued({ issuer: { onTerms: (url) => terms.push(url) }, manager: { configuration: 'agreed' } });
    expect(terms).toHaveLength(1);
  });

  test('A2: an authority whose certificate nobody vouches for is not spoken to', async () => {
    const it = open({ transport: createHttpsTransport() });
    await it.manager.manage([host]);
    await it.settle(anyFailed);
    expect(it.manager.state()[0]?.lastFailure).toMatchObject({ kind: 'server', type: 'ORCA_ACME_UNREACHABLE' });
  });
});

describe('challenges', () => {
  test('A7: where port 80 is closed, the next of the list is taken', async () => {
    const closed = { ...on.answers.solver, present: () => Promise.resolve() };
    let hours = 0;
    const now = (): number => Date.now() + hours * 600_000;
    const it = open({ manager: { solvers: [closed, on.alpn.solver], now } });
    await it.manager.manage([host]);
    await it.settle(anyFailed);
    expect(it.manager.state()[0]?.lastFailure).toMatchObject({ kind: 'validation', type: 'unauthorized' });
    hours += 1;
    await it.settle(allValid);
    expect(it.events.flatMap((event) => (event.type === 'ordered' ? [event.challenge] : []))).toEqual([
      'http-01',
      'tls-alpn-01',
    ]);
  });

  test('A7, A22: dns-01 by a hook; a wildcard and its domain at once need two values of one record', async () => {
    const hook = join(on.dir.path, 'hook.mjs');
    await writeFile(
      hook,
      `const [action] = process.argv.slice(2);
       const { ORCA_ACME_RECORD: record, ORCA_ACME_VALUE: value, DNS } = process.env;
       const call = (path, body) => fetch(DNS + path, { method: 'POST', body: JSON.stringify(body) });
       if (action === 'present') await call('/set-txt', { host: record + '.', value });
       else await call('/clear-txt', { host: record + '.' });`,
    );
    const env = (): Promise<Record<string, string>> => Promise.resolve({ DNS: on.pebble.dnsManagement });
    const solver = dns01Hook({ command: [process.execPath, hook], env });
    const it = open({ manager: { solvers: [on.answers.solver, solver] } });
    await it.manager.manage([`*.${host}`, host]);
    await it.settle(allValid);
    expect(it.manager.current(`any.${host}`)?.names).toEqual([`*.${host}`]);
    expect(it.manager.current(host)?.names).toEqual([host]);
    expect(it.manager.current(`a.b.${host}`)).toBeUndefined();
  });

  test('A7: a hook that fails says so with its own words, and no secret of its environment', async () => {
    const env = (): Promise<Record<string, string>> => Promise.resolve({ TOKEN: 'hunter2-hunter2' });
    const command = [process.execPath, '-e', 'console.error("zone is locked"); process.exit(3)'] as const;
    const it = open({ manager: { solvers: [dns01Hook({ command: [...command], env })] } });
    await it.manager.manage([`*.${host}`]);
    await it.settle(anyFailed);
    const detail = it.manager.state()[0]?.lastFailure?.detail ?? '';
    expect(detail).toContain('ended with 3: zone is locked');
    expect(detail).not.toContain('hunter2');
  });

  test('A22: an order that never gets done is given up, and what it left is deactivated', async () => {
    let late = 0;
    const now = (): number => Date.now() + late;
    // The authority never looks: the challenge stays as it is.
    front.fault = ({ path }) =>
      path.startsWith('/chalZ/') ? { answer: { status: 200, headers: {}, body: '{}' } } : undefined;
    const it = open({ manager: { now, orderTimeoutMs: 60_000 } });
    await it.manager.manage([host]);
    const asked = await since(() =>
      it.settle((all) => {
        late += 20_000;
        return anyFailed(all);
      }),
    );
    expect(it.manager.state()[0]?.lastFailure).toMatchObject({ kind: 'server', type: 'ORCA_ACME_TIMEOUT' });
    expect(payloads(asked, /^\/authZ\//)).toContainEqual({ status: 'deactivated' });
    expect(on.answers.answers()).toEqual({});
  });
});

describe('orders', () => {
  test('A16: one that became invalid is over, whatever the reason; the next try places another', async () => {
    let late = 0;
    let spoilt = 0;
    front.fault = ({ path }) =>
      !path.startsWith('/my-order/')
        ? undefined
        : {
            change: (answer) => {
              if (answer.status !== 200 || spoilt > 0) return;
              spoilt += 1;
              const error = { type: 'urn:ietf:params:acme:error:serverInternal', detail: 'our disk is full' };
              answer.body = JSON.stringify({ ...(JSON.parse(answer.body) as object), status: 'invalid', error });
            },
          };
    const it = open({ manager: { now: () => Date.now() + late } });
    await it.manager.manage([host]);
    await it.settle(anyFailed);
    expect(it.manager.state()[0]?.lastFailure).toMatchObject({
      kind: 'server',
      detail: expect.stringContaining('disk'),
    });
    late = 60_000;
    await it.settle(allValid);
    expect(it.events.filter(({ type }) => type === 'ordered')).toHaveLength(2);
  });

  test('A16: one that could not be looked at is looked at again, not placed again', async () => {
    let late = 0;
    let refused = 0;
    front.fault = ({ path }) => {
      if (!path.startsWith('/finalize-order/') || refused > 0) return undefined;
      refused += 1;
      return { answer: problem(503, 'serverInternal', 'busy') };
    };
    const it = open({ manager: { now: () => Date.now() + late } });
    await it.manager.manage([host]);
    await it.settle(anyFailed);
    late = 60_000;
    await it.settle(allValid);
    expect(it.events.filter(({ type }) => type === 'ordered')).toHaveLength(1);
  });
});

describe('renewal', () => {
  const advise = (windowOf: () => object, headers: Record<string, string> = {}): void => {
    front.fault = ({ path }) => {
      if (path === '/dir')
        return {
          change: (answer) => {
            const directory = JSON.parse(answer.body) as object;
            answer.body = JSON.stringify({ ...directory, renewalInfo: `${front.origin}/ari` });
          },
        };
      if (!path.startsWith('/ari/')) return undefined;
      return { answer: { status: 200, headers, body: JSON.stringify({ suggestedWindow: windowOf() }) } };
    };
  };
  const window = (fromMs: number, toMs: number): object => ({
    start: new Date(Date.now() + fromMs).toISOString(),
    end: new Date(Date.now() + toMs).toISOString(),
  });

  test('A11, A13, A23: a window in the past renews at once, and the order says what it replaces', async () => {
    let past = false;
    advise(() => (past ? window(-7_200_000, -3_600_000) : window(86_400_000, 2 * 86_400_000)), { 'retry-after': '60' });
    let late = 0;
    const it = await issued({ manager: { now: () => Date.now() + late } });
    await it.settle((all) => all[0]?.renewal?.why === 'the authority suggests it');
    const first = it.manager.current(host)?.serial;
    const at = it.manager.state()[0]?.renewal?.at;
    past = true;
    late = 61_000;
    const asked = await since(() => it.settle(() => it.manager.current(host)?.serial !== first));
    expect(at).toBeGreaterThan(Date.now() + 80_000_000);
    const [path = ''] = asked.filter((one) => one.path.startsWith('/ari/')).map((one) => one.path);
    expect(newOrders(asked).at(-1)).toMatchObject({ replaces: path.slice('/ari/'.length) });
    expect(path).toMatch(/^\/ari\/[\w-]+\.[\w-]+$/);
  });

  test('A11: the chosen instant survives a restart', async () => {
    const fixed = window(86_400_000, 9 * 86_400_000);
    advise(() => fixed);
    const it = await issued();
    await it.settle((all) => all[0]?.renewal?.why === 'the authority suggests it');
    const at = it.manager.state()[0]?.renewal?.at;
    const again = open();
    await again.manager.manage([host]);
    expect(again.manager.state()[0]?.renewal?.at).toBe(at);
  });

  test('A13: an authority that knows better gets an order without', async () => {
    advise(() => window(-7_200_000, -3_600_000));
    const inner = front.fault;
    let refused = 0;
    front.fault = (one) => {
      const replaces = typeof one.payload === 'object' && one.payload !== null && 'replaces' in one.payload;
      if (!replaces) return inner(one);
      refused += 1;
      return { answer: problem(409, 'alreadyReplaced', 'already replaced') };
    };
    const it = await issued();
    const first = it.manager.current(host)?.serial;
    await it.settle(() => it.manager.current(host)?.serial !== first);
    expect(refused).toBeGreaterThan(0);
    expect(it.manager.state()[0]?.failures).toBe(0);
  });

  test('A13: a profile that is not offered is refused before anything is ordered; one that is goes into the order', async () => {
    front.fault = ({ path }) =>
      path !== '/dir'
        ? undefined
        : {
            change: (answer) => {
              const directory = JSON.parse(answer.body) as { meta: object };
              const meta = { ...directory.meta, profiles: { classic: 'ninety days', shortlived: 'six days' } };
              answer.body = JSON.stringify({ ...directory, meta });
            },
          };
    const wrong = open({ issuer: { profile: 'tlsserver' } });
    await wrong.manager.manage([host]);
    const before = await since(() => wrong.settle(anyFailed));
    expect(newOrders(before)).toEqual([]);
    expect(wrong.manager.state()[0]?.lastFailure?.detail).toContain(
      'no profile "tlsserver": it offers classic, shortlived',
    );
    const asked = await since(() =>
      issued({ issuer: { profile: 'shortlived' }, manager: { configuration: 'another profile' } }),
    );
    expect(newOrders(asked).at(-1)).toMatchObject({ profile: 'shortlived' });
  });

  test('A17: while a renewal fails, the old certificate serves, and the state says why', async () => {
    const it = await issued();
    const { serial } = it.manager.current(host) ?? {};
    front.fault = ({ path }) =>
      path.startsWith('/finalize-order/') ? { answer: problem(403, 'caa', 'CAA record forbids it') } : undefined;
    await it.manager.renew(host);
    await it.settle(anyFailed);
    expect(it.manager.current(host)?.serial).toBe(serial);
    expect(it.manager.state()[0]).toMatchObject({
      state: 'valid',
      lastFailure: { kind: 'refused', type: 'caa', detail: 'caa: CAA record forbids it' },
    });
  });

  test('A17: a certificate for another key or name never goes into service', async () => {
    const other = await issued();
    const [otherPath = ''] = await files(/^certificate\.pem$/);
    const stolen = (await readFile(otherPath, 'utf8')).split('-----BEGIN PRIVATE KEY')[0] ?? '';
    host = `other-${host}`;
    front.fault = ({ path }) =>
      path.startsWith('/certZ/')
        ? { change: (answer) => void (answer.status === 200 && (answer.body = stolen)) }
        : undefined;
    const it = open();
    await it.manager.manage([host]);
    await it.settle(anyFailed);
    expect(it.manager.current(host)).toBeUndefined();
    expect(it.manager.state()[0]?.lastFailure).toMatchObject({ type: 'ORCA_ACME_CERTIFICATE' });
    expect(other.manager.state()).toHaveLength(1);
  });

  test('A18: the chain that is preferred, where the authority offers several', async () => {
    const it = await issued();
    const first = topOf(it);
    const all = await Promise.all([0, 1].map((index) => on.pebble.root(index)));
    expect(all[0]).not.toBe(all[1]);
    const names = ['Pebble Root CA', 'Pebble Intermediate CA'];
    expect(names.some((name) => first.startsWith(name))).toBe(true);
    const alternate = (await alternateTops(it)).find((top) => top !== first) ?? '';
    host = `chain-${host}`;
    const chosen = await issued({ issuer: { preferredChain: alternate } });
    expect(topOf(chosen)).toBe(alternate);
  });

  test('A23: revoked by request, replaced at once with a new key', async () => {
    const it = await issued();
    const before = it.manager.current(host);
    const asked = await since(() => it.manager.revoke(host, AbortSignal.timeout(patienceMs)));
    expect(payloads(asked, /^\/revoke-cert/).length).toBeGreaterThan(0);
    await it.settle(() => it.manager.current(host)?.serial !== before?.serial);
    expect(it.manager.current(host)?.keyPem).not.toBe(before?.keyPem);
  });

  const topOf = (it: Managed): string => topIssuer(it.manager.current(host)?.certPem ?? '');
  const alternateTops = async (it: Managed): Promise<readonly string[]> => {
    const tops: string[] = [];
    front.fault = ({ path }) =>
      path.startsWith('/certZ/')
        ? { change: (answer) => void (answer.status === 200 && tops.push(topIssuer(answer.body))) }
        : undefined;
    host = `alternates-${host}`;
    await issued({ issuer: { preferredChain: 'nobody of that name' } });
    expect(it.events.length).toBeGreaterThan(0);
    return tops;
  };
});

describe('time', () => {
  test('A24: a clock an hour and more from the authority’s orders nothing, and says so', async () => {
    const it = open({ manager: { now: () => Date.now() + 2 * 3_600_000 } });
    await it.manager.manage([host]);
    const asked = await since(() => it.settle(anyFailed));
    expect(newOrders(asked)).toEqual([]);
    expect(it.manager.state()[0]?.lastFailure).toMatchObject({ kind: 'local', type: 'ORCA_ACME_CLOCK' });
  });

  test('A24: a clock that is before this program was made orders nothing either', async () => {
    const it = open({ manager: { now: () => Date.UTC(2020, 0, 1) } });
    await it.manager.manage([host]);
    await it.manager.tick(AbortSignal.timeout(patienceMs));
    expect(it.manager.state()[0]?.lastFailure?.detail).toContain('before this program was made');
  });
});

describe('a store that cannot be written to', () => {
  test('A10: the authority is not asked, and the path is told', async () => {
    const it = await issued();
    const [path = ''] = await files(/^certificate\.pem$/);
    host = `full-${host}`;
    const folder = join(dirname(dirname(path)), host);
    await writeFile(folder, 'in the way of the folder');
    await it.manager.manage([host]);
    const asked = await since(() => it.settle(anyFailed));
    expect(newOrders(asked)).toEqual([]);
    expect(it.manager.state()[0]?.lastFailure).toMatchObject({
      kind: 'local',
      type: 'ORCA_ACME_STORE',
      detail: expect.stringContaining(folder),
    });
  });
});

describe('two at once', () => {
  test('A14, A20: two processes that share a store place one order', async () => {
    const [a, b] = [open(), open()];
    await Promise.all([a.manager.manage([host]), b.manager.manage([host])]);
    const asked = await since(() => Promise.all([a.settle(allValid), b.settle(allValid)]));
    expect(new Set(payloads(asked, /^\/finalize-order\//).map((one) => JSON.stringify(one))).size).toBe(1);
    expect(a.manager.current(host)?.serial).toBe(b.manager.current(host)?.serial);
  });

  test('A14: one host is worked on by one tick at a time', async () => {
    const it = open();
    await it.manager.manage([host]);
    const signal = AbortSignal.timeout(patienceMs);
    const asked = await since(async () => {
      await Promise.all(Array.from({ length: 5 }, () => it.manager.tick(signal)));
      await it.settle(allValid);
    });
    expect(it.events.filter(({ type }) => type === 'ordered')).toHaveLength(1);
    expect(new Set(payloads(asked, /^\/finalize-order\//).map((one) => JSON.stringify(one))).size).toBe(1);
  });
});

describe('A15: what failed is remembered', () => {
  test('a restart does not ask the authority any sooner', async () => {
    front.fault = ({ path }) =>
      path.startsWith('/order-plz')
        ? { answer: problem(429, 'rateLimited', 'too many certificates', { 'retry-after': '36000' }) }
        : undefined;
    const it = open();
    await it.manager.manage([host]);
    await it.settle(anyFailed);
    const [before] = it.manager.state();
    expect((before?.nextTryAt ?? 0) - Date.now()).toBeGreaterThan(35_000_000);
    const again = open();
    const asked = await since(async () => {
      await again.manager.manage([host]);
      await again.manager.tick(AbortSignal.timeout(patienceMs));
    });
    expect(asked).toEqual([]);
    expect(again.manager.state()[0]).toEqual(before);
  });

  test('what was refused is tried at once under another configuration, or when somebody asks', async () => {
    front.fault = ({ path }) =>
      path.startsWith('/order-plz') ? { answer: problem(403, 'caa', 'not by us') } : undefined;
    const it = open();
    await it.manager.manage([host]);
    await it.settle(anyFailed);
    front.fault = () => undefined;
    expect((await since(() => it.manager.tick(AbortSignal.timeout(patienceMs)))).length).toBe(0);
    await it.manager.renew(host);
    await it.settle(allValid);
  });

  test('after a failed validation the test twin is asked first, and its certificate is thrown away', async () => {
    await using twin = await faultProxy(on.pebble);
    let late = 0;
    const now = (): number => Date.now() + late;
    let isBroken = true;
    const solver = {
      ...on.answers.solver,
      present: (...args: Parameters<typeof on.answers.solver.present>) =>
        isBroken ? Promise.resolve() : on.answers.solver.present(...args),
    };
    const it = open({
      manager: { solvers: [solver], rehearsal: issuerAt(twin.directory, now), now },
    });
    await it.manager.manage([host]);
    await it.settle(anyFailed);
    expect(twin.asked).toEqual([]);
    // Still broken: the twin says so, and the authority's limits are spared.
    late += 120_000;
    const spared = await since(() => it.settle((all) => all[0]?.failures === 2));
    expect(newOrders(spared)).toEqual([]);
    isBroken = false;
    late += 300_000;
    await it.settle(allValid);
    expect(it.events.flatMap((event) => (event.type === 'ordered' ? [event.isRehearsal] : []))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(it.events.filter(({ type }) => type === 'issued')).toHaveLength(1);
  });
});

describe('A23: a name that is not wanted any more', () => {
  test('is not renewed; its files stay for the grace, and a return finds them', async () => {
    let late = 0;
    const now = (): number => Date.now() + late;
    const it = await issued({ manager: { now, graceMs: 86_400_000 } });
    const serial = it.manager.current(host)?.serial;
    await it.manager.manage([]);
    expect(it.manager.current(host)).toBeUndefined();
    late += 80_000_000;
    await it.manager.manage([host]);
    expect(it.manager.current(host)?.serial).toBe(serial);
    await it.manager.manage([]);
    late += 80_000_000;
    await it.manager.manage([]);
    expect(await files(/^certificate\.pem$/)).toHaveLength(1);
    late += 80_000_000;
    await it.manager.manage([]);
    expect(await files(/^certificate\.pem$/)).toHaveLength(0);
  });
});

// Last: it makes the authority forget everything.
describe('an authority that lost its memory', () => {
  test('A16: the account is registered again, once, with the same key; orders are placed anew', async () => {
    const it = await issued();
    const [path = ''] = await files(/^account-/);
    const key = (JSON.parse(await readFile(path, 'utf8')) as { keyPem: string }).keyPem;
    await on.pebble.stop();
    await it.manager.renew(host);
    await it.settle(anyFailed);
    expect(it.manager.state()[0]?.lastFailure).toMatchObject({ kind: 'server' });
    await on.pebble.start();
    const { serial } = it.manager.current(host) ?? {};
    await it.manager.renew(host);
    const asked = await since(() => it.settle(() => it.manager.current(host)?.serial !== serial));
    const made = payloads(asked, /^\/sign-me-up/).filter((one) => !JSON.stringify(one).includes('onlyReturnExisting'));
    // The refused nonces of one registration have the same payload.
    expect(new Set(made.map((one) => JSON.stringify(one))).size).toBe(1);
    expect((JSON.parse(await readFile(path, 'utf8')) as { keyPem: string }).keyPem).toBe(key);
  });
});
