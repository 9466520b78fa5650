import { operations, type Operation } from '../operations.ts';
import { spread } from '../figures.ts';
import { withRig, type Rig } from '../rig.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';

const kinds: readonly string[] = ['create', 'start-first update', 'stop-first update'];
const settleWithinMs = 60_000;

interface Outcome {
  readonly call: string | undefined;
  readonly seconds: number;
  readonly faults: readonly string[];
}

/** The engine does call `number`, and orca does not hear of it; nobody restarts anything or asks again. */
const lose = async (rig: Rig, operation: Operation, number: number, turn: number): Promise<Outcome> => {
  await operation.prepare(rig);
  let call: string | undefined;
  rig.proxy.reset({
    before: (c) => {
      if (c.number !== number) return { kind: 'pass' };
      call = c.name;
      return { kind: 'drop' };
    },
  });
  const begun = performance.now();
  await operation.run(rig.cluster, turn);
  const { faults } = await rig.settle({ timeoutMs: settleWithinMs });
  rig.proxy.reset();
  return { call, seconds: (performance.now() - begun) / 1000, faults };
};

const run = async (context: ScenarioContext): Promise<ScenarioResult> =>
  withRig({ name: 'f6', env: { ORCA_RESYNC_SECS: '2' } }, async (rig) => {
    await rig.cluster.start();
    const seconds: number[] = [];
    const violations: string[] = [];
    let lost = 0;
    let turn = 0;
    for (const operation of operations.filter((o) => kinds.includes(o.name))) {
      for (let number = 1; number <= context.count; number += 1) {
        context.signal.throwIfAborted();
        turn += 1;
        const outcome = await lose(rig, operation, number, turn);
        // It has fewer calls than that.
        if (outcome.call === undefined) break;
        lost += 1;
        const name = `${operation.name}, reply ${number} lost (${outcome.call})`;
        context.log(
          `${name}: ${outcome.faults.length === 0 ? '' : 'NOT '}converged in ${outcome.seconds.toFixed(2)} s`,
        );
        violations.push(...outcome.faults.map((fault) => `${name}: ${fault}`));
        if (outcome.faults.length === 0) seconds.push(outcome.seconds);
      }
    }
    return {
      figures: [`${seconds.length}/${lost} lost replies were recovered from; deploy to converged: ${spread(seconds)}`],
      violations: [...violations, ...(await rig.foreignFaults())],
    };
  });

export const f06: Scenario = {
  id: 'F6',
  title: 'the engine does what it is asked and the reply is lost, at each of the first … calls of a deploy',
  counts: { short: 8, full: 20 },
  inCi: false,
  run,
};
