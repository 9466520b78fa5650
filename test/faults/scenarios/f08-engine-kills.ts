import { setTimeout as sleep } from 'node:timers/promises';
import { containersOf, identities } from '../containers.ts';
import { spread } from '../figures.ts';
import { serves } from '../page.ts';
import { withRig, type Rig } from '../rig.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { serviceText, type ServiceText } from '../services.ts';

const services = 10;
const settleWithinMs = 90_000;

/** One has a volume, one is routed, and two the engine leaves down after a kill. */
const texts: readonly ServiceText[] = Array.from({ length: services }, (_, i) => ({
  name: `s-${i + 1}`,
  ...(i === 3 ? { volume: 'f8-data' } : {}),
  ...(i === 5 ? { isRouted: true } : {}),
  ...(i === 6 ? { restart: 'unless-stopped' } : {}),
  ...(i === 7 ? { restart: 'on-failure:3' } : {}),
}));
const routed = 's-6.test';

const kills = async (context: ScenarioContext, liveRestore: boolean): Promise<ScenarioResult> =>
  // Without live-restore the engine ends what is foreign to orca too, and nobody brings that back.
  withRig({ name: 'f8', liveRestore, foreigners: liveRestore }, async (rig) => {
    const { cluster, engine } = rig;
    const mode = `live-restore ${liveRestore ? 'on' : 'off'}`;
    cluster.write('services/all/service.toml', texts.map(serviceText).join('\n'));
    await cluster.start();
    await cluster.mustOrca('deploy');
    const sinceKill: number[] = [];
    const sinceBack: number[] = [];
    const violations: string[] = [];
    let restarted = 0;
    for (let round = 1; round <= context.count; round += 1) {
      context.signal.throwIfAborted();
      const ids = (await containersOf(engine.docker, cluster.name)).map((c) => c.id);
      const before = await identities(engine.docker, ids);
      const killed = performance.now();
      await engine.kill9();
      await engine.start();
      const back = performance.now();
      const faults = [...(await rig.settle({ timeoutMs: settleWithinMs })).faults];
      // Its address may be another one now: the route has to follow.
      if (!(await servesWithin(rig, settleWithinMs))) faults.push(`${routed} is not served`);
      const now = performance.now();
      violations.push(...faults.map((fault) => `${mode}, kill ${round}: ${fault}`));
      if (faults.length === 0) {
        sinceKill.push((now - killed) / 1000);
        sinceBack.push((now - back) / 1000);
      }
      const after = await identities(engine.docker, ids).catch(() => new Map<string, string>());
      restarted += ids.filter((id) => after.get(id) !== before.get(id)).length;
      const how = `${faults.length === 0 ? '' : 'NOT '}whole after ${((now - killed) / 1000).toFixed(2)} s`;
      context.log(`${mode}, kill ${round}: the engine was back after ${((back - killed) / 1000).toFixed(2)} s, ${how}`);
    }
    if (liveRestore && restarted > 0) violations.push(`${mode}: ${restarted} containers were restarted`);
    return {
      figures: [
        `${mode}: ${sinceKill.length}/${context.count} kills ended with all ${services} services as wanted, ${restarted} container restarts`,
        `${mode}: from the kill: ${spread(sinceKill)}; from the engine's return: ${spread(sinceBack)}`,
      ],
      violations: [...violations, ...(await rig.foreignFaults())],
    };
  });

const servesWithin = async ({ engine, cluster }: Rig, timeoutMs: number): Promise<boolean> => {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (await serves(engine, cluster.proxyPort, routed)) return true;
    await sleep(100);
  }
  return false;
};

const run = async (context: ScenarioContext): Promise<ScenarioResult> => {
  const parts = [await kills(context, true), await kills(context, false)];
  return { figures: parts.flatMap((p) => p.figures), violations: parts.flatMap((p) => p.violations) };
};

export const f08: Scenario = {
  id: 'F8',
  title: 'kill -9 of the engine, with live-restore on and off',
  counts: { short: 2, full: 20 },
  inCi: false,
  run,
};
