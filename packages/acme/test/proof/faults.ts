import { setTimeout as sleep } from 'node:timers/promises';
import { faultProxy, problem, type Answered, type Fault } from '../fault-proxy.ts';
import { allValid, managed, rig } from '../rig.ts';
import { holds, repeated, type ProofLine } from './line.ts';

const faults: ProofLine = {
  name: 'A15, A16: an authority that refuses, stalls and breaks off',
  run: async (short) => {
    await using on = await rig();
    await using front = await faultProxy(on.pebble);
    let hours = 0;
    // Time goes by as fast as the schedule asks for: what is slept inside a call would be slept for real.
    const now = (): number => Date.now() + hours * 3_600_000;
    const { manager, events } = managed(on, { directory: front.directory, manager: { now } });
    const kinds: readonly (() => Fault)[] = [
      () => ({ answer: problem(429, 'rateLimited', 'too many', { 'retry-after': '7200' }) }),
      () => ({ answer: problem(503, 'serverInternal', 'down for maintenance', { 'retry-after': '3600' }) }),
      () => ({ answer: { status: 502, headers: {}, body: '<html>' } }),
      () => ({ cut: true }),
      () => ({ change: (answer) => (answer.body = 'not json') }),
    ];
    const random = seeded(7);
    const share = short ? 0.15 : 0.3;
    // The front's clock is the machine's: hours ahead would be refused for that alone.
    const onTime = (answer: Answered): void => void (answer.headers['date'] = new Date(now()).toUTCString());
    front.fault = ({ path, method }) => {
      const isSpared = method === 'HEAD' || path === '/dir' || random() > share;
      const fault = isSpared ? undefined : kinds[Math.floor(random() * kinds.length)]?.();
      return {
        ...fault,
        change: (answer) => {
          fault?.change?.(answer);
          onTime(answer);
        },
      };
    };
    await manager.manage(['a.acme.test', 'b.acme.test']);
    let longest = 0;
    for (let i = 0; i < 400 && !allValid(manager.state()); i += 1) {
      const startedAt = performance.now();
      await manager.tick(AbortSignal.timeout(600_000));
      longest = Math.max(longest, performance.now() - startedAt);
      const waitMs = manager.nextAt() - now();
      if (waitMs > 20_000) hours += waitMs / 3_600_000;
      else await sleep(Math.max(0, Math.min(waitMs, 1000)));
    }
    holds(allValid(manager.state()), `not valid in the end: ${JSON.stringify(manager.state())}`);
    holds(repeated(front.nonces()).length === 0, `${repeated(front.nonces()).length} nonces sent twice`);
    // The shortest of them asks for an hour.
    holds(longest < 120_000, `a tick took ${Math.round(longest)} ms`);
    const failed = events.filter(({ type }) => type === 'failed').length;
    return (
      `${front.asked.length} requests, ${failed} failures, ${hours.toFixed(1)} h of Retry-After and schedule in ticks of ` +
      `at most ${Math.round(longest)} ms, 0 nonces sent twice`
    );
  },
};

/** Numbers in [0, 1) that are the same in every run (a linear congruential generator). */
const seeded = (seed: number): (() => number) => {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
};

const processing: ProofLine = {
  name: 'A22: an authority that takes its time (processing)',
  run: async () => {
    await using on = await rig();
    await using front = await faultProxy(on.pebble);
    const { manager, settle } = managed(on, { directory: front.directory });
    let held = 0;
    front.fault = ({ path }) => {
      const isLooking = path.startsWith('/my-order/');
      if (!isLooking && !path.startsWith('/finalize-order/')) return undefined;
      return {
        change: (answer) => {
          if (held >= 5 || !answer.body.includes('"certificate"')) return;
          held += 1;
          const order = JSON.parse(answer.body) as Record<string, unknown>;
          answer.body = JSON.stringify({ ...order, status: 'processing', certificate: undefined });
          answer.headers['retry-after'] = '2';
        },
      };
    };
    await manager.manage(['slow.acme.test']);
    const startedAt = performance.now();
    await settle(allValid);
    const ms = performance.now() - startedAt;
    holds(held === 5, `held only ${held} times`);
    holds(ms > 9_000, 'asked again before the authority wanted to be asked');
    holds(front.count(/^\/finalize-order\//) < 6, 'finalized again and again');
    return `processing 5 times with Retry-After 2: one order, ${(ms / 1000).toFixed(1)} s, none of it inside a call`;
  },
};

export const faultLines: readonly ProofLine[] = [faults, processing];
