import { setTimeout as sleep } from 'node:timers/promises';
import { containersOf, identities } from '../containers.ts';
import { spread } from '../figures.ts';
import { withRig, type Rig } from '../rig.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { serviceText } from '../services.ts';

const services = 50;
/** Some passes of the new server at `ORCA_RESYNC_SECS`, in which it could do harm. */
const watchMs = 2_500;
const env = { ORCA_RESYNC_SECS: '1' };

const names = Array.from({ length: services }, (_, i) => `tiny-${i + 1}`);

/** 50 services that run, then restarts of the server by both signals, with `between` done while it is away. */
export const restarts = async (
  context: ScenarioContext,
  name: string,
  between: (rig: Rig) => Promise<void>,
): Promise<ScenarioResult> =>
  withRig({ name, env }, async (rig) => {
    const { cluster, engine, proxy } = rig;
    cluster.write('services/all/service.toml', names.map((n) => serviceText({ name: n })).join('\n'));
    await cluster.start();
    await cluster.mustOrca('deploy');
    const ids = (await containersOf(engine.docker, name)).map((c) => c.id);
    const before = await identities(engine.docker, ids);
    const seconds: number[] = [];
    const violations: string[] = [];
    let kept = 0;
    let asked = 0;
    let mutations = 0;
    for (let i = 0; i < context.count; i += 1) {
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        proxy.reset();
        await cluster.signal(signal);
        await between(rig);
        seconds.push(await cluster.start());
        await sleep(watchMs);
        const { faults } = await rig.settle();
        const after = await identities(engine.docker, ids);
        const same = ids.filter((id) => after.get(id) === before.get(id)).length;
        kept += same;
        asked += services;
        mutations += proxy.mutations.length;
        context.log(`${signal}: ${same}/${services} as before, ready after ${seconds.at(-1)?.toFixed(2)} s`);
        violations.push(...faults, ...proxy.mutations.map((call) => `${signal}: the new server asked for: ${call}`));
        if (same !== services) violations.push(`${signal}: only ${same} of ${services} kept process and start time`);
      }
    }
    return {
      figures: [
        `${kept}/${asked} containers kept their process and time of start`,
        `${mutations} mutating engine calls over ${2 * context.count} restarts`,
        `seconds to ready: ${spread(seconds)}`,
      ],
      violations: [...violations, ...(await rig.foreignFaults())],
    };
  });

export const f03: Scenario = {
  id: 'F3',
  title: 'the server restarts, by SIGTERM and by kill -9, over 50 running services',
  counts: { short: 1, full: 20 },
  inCi: true,
  run: (context) => restarts(context, 'f3', async () => undefined),
};
