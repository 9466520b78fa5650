import { setTimeout as sleep } from 'node:timers/promises';
import { containersOf } from '../containers.ts';
import { spread } from '../figures.ts';
import { random } from '../random.ts';
import { withRig, type Rig } from '../rig.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { serviceText, type ServiceText } from '../services.ts';

const services = 20;
const settleWithinMs = 60_000;
/** How many of the new servers are killed too, in their first moments. */
const twiceShare = 0.3;
const firstMomentsMs = 2_000;

/** Twenty of them: most alone, every fifth depends on the one before, and one has a volume. */
const texts = (env: string): readonly ServiceText[] =>
  Array.from({ length: services }, (_, i) => ({
    name: `s-${i + 1}`,
    env,
    ...(i > 0 && i % 5 === 0 ? { dependsOn: [`s-${i}`] } : {}),
    ...(i === 7 ? { volume: 'f1-data' } : {}),
    ...(i === 11 ? { isRouted: true } : {}),
  }));

const write = ({ cluster }: Rig, env: string): void =>
  cluster.write('services/all/service.toml', texts(env).map(serviceText).join('\n'));

interface Accepted {
  /** The engine was asked for something: the deploy was accepted. */
  readonly begun: Promise<void>;
  readonly ended: Promise<unknown>;
}

const beginDeploy = (rig: Rig, env: string): Accepted => {
  write(rig, env);
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  rig.proxy.reset({
    before: () => {
      resolve();
      return { kind: 'pass' };
    },
  });
  return { begun, ended: rig.cluster.orca('deploy') };
};

interface Round {
  readonly name: string;
  readonly seconds: number;
  readonly faults: readonly string[];
}

/** One deploy, killed somewhere in its time; sometimes the new server is killed too. */
const kill = async (rig: Rig, env: string, deployMs: number, next: () => number): Promise<Round> => {
  const { cluster, engine } = rig;
  const revisions = async () => (await containersOf(engine.docker, cluster.name)).map((c) => c.revision);
  const before = new Set(await revisions());
  const deploy = beginDeploy(rig, env);
  await Promise.race([deploy.begun, deploy.ended]);
  const atMs = Math.round(next() * deployMs);
  await Promise.race([sleep(atMs), deploy.ended]);
  let killed = performance.now();
  await cluster.restart();
  const againMs = next() < twiceShare ? Math.round(next() * firstMomentsMs) : undefined;
  if (againMs !== undefined) {
    await sleep(againMs);
    killed = performance.now();
    await cluster.restart();
  }
  const { faults } = await rig.settle({ timeoutMs: settleWithinMs });
  const seconds = (performance.now() - killed) / 1000;
  await deploy.ended;
  const old = (await revisions()).filter((revision) => before.has(revision)).length;
  return {
    name: `${env}, killed after ${atMs} ms${againMs === undefined ? '' : ` and again ${againMs} ms after its start`}`,
    seconds,
    faults: [...faults, ...(old === 0 ? [] : [`${old} containers are of the round before`])],
  };
};

const run = async (context: ScenarioContext): Promise<ScenarioResult> =>
  withRig({ name: 'f1', env: { ORCA_RESYNC_SECS: '2' } }, async (rig) => {
    const next = random(context.seed);
    await rig.cluster.start();
    write(rig, 'first');
    await rig.cluster.mustOrca('deploy');
    const begun = performance.now();
    await beginDeploy(rig, 'undisturbed').ended;
    const deployMs = performance.now() - begun;
    const good: Round[] = [];
    const violations: string[] = [];
    for (let i = 1; i <= context.count; i += 1) {
      context.signal.throwIfAborted();
      const round = await kill(rig, `round ${i}`, deployMs, next);
      const isGood = round.faults.length === 0;
      context.log(`${round.name}: ${isGood ? '' : 'NOT '}whole after ${round.seconds.toFixed(2)} s`);
      if (isGood) good.push(round);
      violations.push(...round.faults.map((fault) => `${round.name}: ${fault}`));
      // The next round begins from a whole state, so that one fault is told once.
      if (!isGood) await rig.cluster.orca('deploy');
    }
    return {
      figures: [
        `${good.length}/${context.count} rounds converged by themselves to ${services}/${services}`,
        `an undisturbed update of ${services} takes ${(deployMs / 1000).toFixed(2)} s; from the last kill to converged: ${spread(good.map((r) => r.seconds))}`,
      ],
      violations: [...violations, ...(await rig.foreignFaults())],
    };
  });

export const f01: Scenario = {
  id: 'F1',
  title: 'kill -9 of the server at random moments of a deploy of 20 services',
  counts: { short: 5, full: 200 },
  inCi: false,
  run,
};
