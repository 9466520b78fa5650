import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { topIssuer } from '../src/certificate.ts';
import {
  createAcmeIssuer,
  createFileLeaser,
  createFileStore,
  createHttpsTransport,
  type Solver,
} from '../src/index.ts';
import { faultProxy, problem, type FaultProxy } from './fault-proxy.ts';
import { allValid, anyFailed, managed, patienceMs, rig, type Managed, type ManagedOptions, type Rig } from './rig.ts';

// One authority for all: each test has a directory and names of its own.
let on: Rig;
let front: FaultProxy;
let count = 0;
let host = '';
let dir = '';
let late = 0;
const now = (): number => Date.now() + late;

beforeAll(async () => {
  on = await rig({ alternateRoots: 2 });
  front = await faultProxy(on.pebble);
});
afterAll(async () => {
  await front[Symbol.asyncDispose]();
  await on[Symbol.asyncDispose]();
});
beforeEach(() => {
  count += 1;
  host = `f${count}.acme.test`;
  dir = join(on.dir.path, `f${count}`);
  late = 0;
  front.fault = () => undefined;
});

const open = (o: ManagedOptions = {}): Managed =>
  managed(on, { directory: front.directory, dir, ...o, manager: { now, ...o.manager } });
const started = async (o: ManagedOptions = {}): Promise<Managed> => {
  const it = open(o);
  await it.manager.manage([host]);
  return it;
};
const until = async (what: () => boolean): Promise<void> => {
  const deadline = performance.now() + patienceMs;
  while (!what() && performance.now() < deadline) await sleep(20);
  expect(what()).toBe(true);
};
/** What is written down as shown, of the test's host. */
const noted = async (): Promise<unknown> => {
  const names = await readdir(dir, { recursive: true });
  const name = names.find((one) => one.endsWith(`/${host}/state.json`)) ?? '';
  return (JSON.parse(await readFile(join(dir, name), 'utf8')) as { shown: unknown }).shown;
};

describe('A15: a test twin that is away', () => {
  const rehearsalAt = (directory: string) => {
    const [leaser, accounts] = [createFileLeaser({ dir: join(dir, 'l') }), createFileStore({ dir, directory, now })];
    const account = { directory, email: '', termsAgreed: true, accounts, leaser };
    return createAcmeIssuer({ ...account, transport: createHttpsTransport({ ca: on.pebble.ca }), now });
  };

  test.each([
    ['answers with 503', () => ({ answer: problem(503, 'serverInternal', 'down for maintenance') })],
    ['wants nothing of us', () => ({ answer: problem(429, 'rateLimited', 'too many', { 'retry-after': '600000' }) })],
  ])('or %s says nothing of the name: the authority proper is asked, within ten minutes', async (_what, fault) => {
    await using twin = await faultProxy(on.pebble);
    twin.fault = fault;
    let isBroken = true;
    const { solver } = on.answers;
    const present: Solver['present'] = (...args) => (isBroken ? Promise.resolve() : solver.present(...args));
    const it = await started({
      manager: { solvers: [{ ...solver, present }], rehearsal: rehearsalAt(twin.directory) },
    });
    await it.settle(anyFailed);
    isBroken = false;
    late += 120_000;
    await it.settle((all) => all[0]?.failures === 2);
    expect(twin.asked.length).toBeGreaterThan(0);
    const { nextTryAt = Infinity } = it.manager.state()[0] ?? {};
    expect(nextTryAt - now()).toBeLessThanOrEqual(600_000);
    late += 600_000;
    await it.settle(allValid);
    const ordered = it.events.flatMap((event) => (event.type === 'ordered' ? [event.isRehearsal] : []));
    expect(ordered).toEqual([false, false]);
  });
});

describe('A18: a chain that is preferred', () => {
  test('and cannot be fetched: the authority’s own choice is taken, and a warning is kept until the next', async () => {
    const firsts: string[] = [];
    front.fault = ({ path }) => {
      if (!path.startsWith('/certZ/')) return undefined;
      if (path.includes('/alternate/')) return { answer: problem(500, 'serverInternal', 'no such chain today') };
      return { change: (answer) => void (answer.status === 200 && firsts.push(topIssuer(answer.body))) };
    };
    const it = await started({ issuer: { preferredChain: 'Some Root X9' } });
    await it.settle(allValid);
    const top = topIssuer(it.manager.current(host)?.certPem ?? '');
    expect(top).toBe(firsts.at(-1));
    const warning = expect.stringContaining('no chain up to "Some Root X9" could be had');
    expect(it.manager.state()[0]).toMatchObject({ state: 'valid', failures: 0, warning });
    expect(it.manager.state()[0]?.warning).toContain('no such chain today');
    expect(it.manager.state()[0]?.warning).toContain(`the one up to "${top}" is used`);
    expect(it.events.filter(({ type }) => type === 'warning')).toHaveLength(1);
    // A restart knows it too.
    expect((await started()).manager.state()[0]).toMatchObject({ warning });
    await it.manager.renew(host);
    const plain = await started({ manager: { configuration: 'no preference' } });
    await plain.settle((all) => all[0]?.warning === undefined && all[0]?.state === 'valid');
  });

  test('of two that are offered one cannot be fetched: the other is still looked at', async () => {
    const tops: string[] = [];
    front.fault = ({ path }) =>
      path.includes('/alternate/')
        ? { change: (answer) => void (answer.status === 200 && tops.push(topIssuer(answer.body))) }
        : undefined;
    await (await started({ issuer: { preferredChain: 'nobody' } })).settle(allValid);
    const [, second = ''] = tops;
    host = `second-${host}`;
    let failed = 0;
    front.fault = ({ path }) => {
      if (!path.endsWith('/alternate/1')) return undefined;
      failed += 1;
      return { answer: problem(404, 'malformed', 'not found') };
    };
    const it = await started({ issuer: { preferredChain: second } });
    await it.settle(allValid);
    expect(failed).toBeGreaterThan(0);
    expect(topIssuer(it.manager.current(host)?.certPem ?? '')).toBe(second);
    expect(it.manager.state()[0]?.warning).toBeUndefined();
  });
});

describe('A22: what is shown ends with its order', () => {
  /** The authority never looks, so the order stays as it is. */
  const stuck = (): void => {
    front.fault = ({ path }) =>
      path.startsWith('/chalZ/') ? { answer: { status: 200, headers: {}, body: '{}' } } : undefined;
  };
  const live = (): number => Object.keys(on.answers.answers()).length;
  const shown = async (it: Managed): Promise<void> => void (await it.settle(() => live() > 0));

  test('one that the authority has forgotten', async () => {
    stuck();
    const it = await started();
    await shown(it);
    expect(await noted()).toHaveLength(1);
    front.fault = ({ path }) =>
      path.startsWith('/my-order/') ? { answer: problem(404, 'malformed', 'no such order') } : undefined;
    late += 60_000;
    await it.settle(anyFailed);
    expect([live(), await noted()]).toEqual([0, []]);
  });

  test('one that is given up while the authority is away', async () => {
    stuck();
    const it = await started({ manager: { orderTimeoutMs: 60_000 } });
    await shown(it);
    front.fault = () => ({ answer: problem(503, 'serverInternal', 'away') });
    // Kept as long as it may still succeed, for a day.
    late += 120_000;
    await it.settle(anyFailed);
    expect(live()).toBe(1);
    late += 25 * 3_600_000;
    await it.settle((all) => all[0]?.failures === 2);
    expect([live(), await noted()]).toEqual([0, []]);
  });

  test('one under a configuration that is another by now', async () => {
    stuck();
    await shown(await started());
    front.fault = () => ({ answer: problem(503, 'serverInternal', 'away') });
    const again = await started({ manager: { configuration: 'another' } });
    await again.settle(anyFailed);
    expect([live(), await noted()]).toEqual([0, []]);
  });

  test('one whose host is not wanted any more, also while it is worked on; it goes on when it is wanted again', async () => {
    stuck();
    const it = await started();
    await shown(it);
    await it.manager.manage([]);
    await until(() => live() === 0);
    await it.manager.manage([host]);
    late += 60_000;
    // In the middle of a step: the host goes away before the challenge is shown.
    let removed: Promise<void> | undefined;
    front.fault = ({ path }) => {
      if (path.startsWith('/authZ/')) removed ??= it.manager.manage([]);
      return undefined;
    };
    await it.manager.tick(AbortSignal.timeout(patienceMs));
    await removed;
    await until(() => live() === 0);
    front.fault = () => undefined;
    await it.manager.manage([host]);
    late += 60_000;
    await it.settle(allValid);
    expect(it.events.filter(({ type }) => type === 'ordered')).toHaveLength(1);
    expect([live(), await noted()]).toEqual([0, []]);
  });
});
