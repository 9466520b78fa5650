import { setTimeout as sleep } from 'node:timers/promises';
import { containersOf } from '../containers.ts';
import { spread } from '../figures.ts';
import { random } from '../random.ts';
import { withRig, type Rig } from '../rig.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { serviceText, type ServiceText } from '../services.ts';

const services = 20;
const settleWithinMs = 60_000;

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

const run = async (context: ScenarioContext): Promise<ScenarioResult> =>
  withRig({ name: 'f1', env: { ORCA_RESYNC_SECS: '2' } }, async (rig) => {
    const { cluster, engine } = rig;
    const next = random(context.seed);
    await cluster.start();
    write(rig, 'first');
    await cluster.mustOrca('deploy');
    const whole = beginDeploy(rig, 'undisturbed');
    await whole.begun;
    const begun = performance.now();
    await whole.ended;
    const deployMs = performance.now() - begun;
    const seconds: number[] = [];
    const violations: string[] = [];
    for (let round = 1; round <= context.count; round += 1) {
      context.signal.throwIfAborted();
      const before = new Set((await containersOf(engine.docker, cluster.name)).map((c) => c.revision));
      const deploy = beginDeploy(rig, `round ${round}`);
      await deploy.begun;
      const atMs = next() * deployMs;
      await Promise.race([sleep(atMs), deploy.ended]);
      const restarted = performance.now();
      await cluster.restart();
      const { faults } = await rig.settle({ timeoutMs: settleWithinMs });
      const took = (performance.now() - restarted) / 1000;
      await deploy.ended;
      const after = await containersOf(engine.docker, cluster.name);
      const old = after.filter((c) => before.has(c.revision)).map((c) => `${c.name} is of the round before`);
      const found = [...faults, ...old].map((fault) => `round ${round}, killed after ${Math.round(atMs)} ms: ${fault}`);
      violations.push(...found);
      if (found.length === 0) seconds.push(took);
      context.log(
        `${round}: killed ${Math.round(atMs)} ms into it, ${found.length === 0 ? '' : 'NOT '}whole after ${took.toFixed(2)} s`,
      );
      // The next round begins from a whole state, so that one fault is told once.
      if (found.length > 0) await cluster.orca('deploy');
    }
    return {
      figures: [
        `${seconds.length}/${context.count} rounds converged by themselves to ${services}/${services}`,
        `an undisturbed update of ${services} takes ${(deployMs / 1000).toFixed(2)} s; from the kill to converged: ${spread(seconds)}`,
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
