import { setTimeout as sleep } from 'node:timers/promises';
import type { Faults } from '../docker-proxy.ts';
import { spread } from '../figures.ts';
import { operations, type Operation } from '../operations.ts';
import { withRig, type Rig } from '../rig.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { steadyClient, type SteadyClient } from '../steady-client.ts';

type Side = 'before' | 'after';

/** A place to kill at: before the engine sees that call, or once it has done it. */
interface Point {
  readonly operation: Operation;
  readonly side: Side;
  readonly number: number;
  readonly call: string;
}

interface Outcome {
  readonly seconds: number;
  readonly faults: readonly string[];
  readonly outageSeconds: number | undefined;
}

const settleWithinMs = 40_000;
/** A point that the run did not come to: what the server does after an answer to the last call is quick. */
const lastWordsMs = 1_000;

const killAt = ({ cluster }: Rig, { side, number }: Point): Faults & { readonly struck: Promise<void> } => {
  const { promise: struck, resolve } = Promise.withResolvers<void>();
  const strike = async (): Promise<void> => {
    await cluster.signal('SIGKILL');
    resolve();
  };
  return {
    struck,
    before: async (call) => {
      if (side !== 'before' || call.number !== number) return { kind: 'pass' };
      await strike();
      return { kind: 'sever' };
    },
    after: async (call) => {
      if (side === 'after' && call.number === number) await strike();
    },
  };
};

const clientOf = ({ engine }: Rig, { url }: Operation): SteadyClient | undefined =>
  url === undefined ? undefined : steadyClient(engine, url);

const outageOf = async (client: SteadyClient | undefined): Promise<number | undefined> =>
  client === undefined ? undefined : (await client.stop()).longestOutageMs / 1000;

interface Undisturbed {
  readonly calls: readonly string[];
  readonly outageSeconds: number | undefined;
}

/** What the operation asks of the engine when nothing happens to it. */
const undisturbed = async (rig: Rig, operation: Operation, turn: number): Promise<Undisturbed> => {
  await operation.prepare(rig);
  const client = clientOf(rig, operation);
  rig.proxy.reset();
  await operation.run(rig.cluster, turn);
  const calls = rig.proxy.mutations;
  const { faults } = await rig.settle({ ...operation.expected, timeoutMs: settleWithinMs });
  const outageSeconds = await outageOf(client);
  if (faults.length > 0) throw new Error(`${operation.name} ends badly even undisturbed: ${faults.join('; ')}`);
  return { calls, outageSeconds };
};

const crash = async (rig: Rig, point: Point, turn: number): Promise<Outcome> => {
  const { operation } = point;
  await operation.prepare(rig);
  const client = clientOf(rig, operation);
  const faults = killAt(rig, point);
  rig.proxy.reset(faults);
  const running = operation.run(rig.cluster, turn);
  await Promise.race([faults.struck, running.then(() => sleep(lastWordsMs))]);
  rig.proxy.reset();
  const begun = performance.now();
  await rig.cluster.restart();
  const settled = await rig.settle({ ...operation.expected, timeoutMs: settleWithinMs });
  const seconds = (performance.now() - begun) / 1000;
  await running;
  return { seconds, faults: settled.faults, outageSeconds: await outageOf(client) };
};

/** Evenly spread over all points, and others with another seed. */
const choose = (points: readonly Point[], { count, seed }: ScenarioContext): readonly Point[] => {
  const step = Math.max(1, Math.ceil(points.length / count));
  return points.filter((_, index) => (index + seed) % step === 0);
};

const run = async (context: ScenarioContext): Promise<ScenarioResult> =>
  withRig({ name: 'f2', env: { ORCA_RESYNC_SECS: '2' } }, async (rig) => {
    const figures: string[] = [];
    const violations: string[] = [];
    const points: Point[] = [];
    await rig.cluster.start();
    let turn = 0;
    for (const operation of operations) {
      turn += 1;
      const { calls, outageSeconds } = await undisturbed(rig, operation, turn);
      const outage = outageSeconds === undefined ? '' : `; nobody answers for ${outageSeconds.toFixed(2)} s`;
      figures.push(`${operation.name}, undisturbed: ${calls.length} calls: ${calls.join(', ')}${outage}`);
      for (const side of ['before', 'after'] as const) {
        points.push(...calls.map((call, index) => ({ operation, side, number: index + 1, call })));
      }
    }
    const chosen = choose(points, context);
    const good: Outcome[] = [];
    for (const point of chosen) {
      context.signal.throwIfAborted();
      turn += 1;
      const name = `${point.operation.name}, killed ${point.side} call ${point.number} (${point.call})`;
      const outcome = await crash(rig, point, turn);
      const seconds = `${outcome.seconds.toFixed(2)} s`;
      context.log(
        `${name}: ${outcome.faults.length === 0 ? seconds : `NOT in ${seconds}: ${outcome.faults.join('; ')}`}`,
      );
      violations.push(...outcome.faults.map((fault) => `${name}: ${fault}`));
      if (outcome.faults.length === 0) good.push(outcome);
    }
    const outages = good.flatMap((o) => o.outageSeconds ?? []);
    return {
      figures: [
        ...figures,
        `${good.length}/${chosen.length} crashes converged by themselves (of ${points.length} points)`,
        `from the kill to converged: ${spread(good.map((o) => o.seconds))}`,
        `nobody answers during a stop-first update with a crash: ${spread(outages)}`,
      ],
      violations: [...violations, ...(await rig.foreignFaults())],
    };
  });

export const f02: Scenario = {
  id: 'F2',
  title: 'the server is killed at each of its engine calls, in every kind of operation',
  counts: { short: 10, full: 1_000 },
  inCi: true,
  run,
};
