import { setTimeout as sleep } from 'node:timers/promises';
import type { EventsMode } from '../event-streams.ts';
import { quantile, spread } from '../figures.ts';
import { random } from '../random.ts';
import { withRig, type Rig } from '../rig.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { serviceText } from '../services.ts';

const services = 5;
const modes: readonly EventsMode[] = ['cut', 'silent', 'doubled'];
/** A pass every 30 s, and a few seconds to stop waiting for it and to start the container. */
const limitSeconds = 35;
/** Where events come, most corrections are due to them and need not wait for a pass; also after a time of silence. */
const heardSeconds = 12;
const settleWithinMs = 90_000;
const calmMs = 1_000;

interface Corrected {
  readonly seconds: readonly number[];
  readonly violations: readonly string[];
}

/** Stops one container after the other by hand, for that long. */
const disturb = async (rig: Rig, mode: EventsMode, ms: number, next: () => number): Promise<Corrected> => {
  const seconds: number[] = [];
  const violations: string[] = [];
  rig.proxy.events(mode);
  const begun = performance.now();
  do {
    const service = `s-${1 + Math.floor(next() * services)}`;
    // Not always at the same distance from a pass.
    await sleep(calmMs + next() * calmMs);
    const stopped = performance.now();
    await rig.engine.docker.output(['stop', `orca-${service}`]);
    const { faults } = await rig.settle({ timeoutMs: settleWithinMs });
    const took = (performance.now() - stopped) / 1000;
    violations.push(...faults.map((fault) => `events ${mode}: ${fault}`));
    if (faults.length > 0) break;
    seconds.push(took);
    if (took > limitSeconds) violations.push(`events ${mode}: ${service} was down for ${took.toFixed(1)} s`);
  } while (performance.now() - begun < ms);
  rig.proxy.events('whole');
  return { seconds, violations };
};

const run = async (context: ScenarioContext): Promise<ScenarioResult> =>
  withRig({ name: 'f10' }, async (rig) => {
    const next = random(context.seed);
    const texts = Array.from({ length: services }, (_, i) => serviceText({ name: `s-${i + 1}` }));
    rig.cluster.write('services/all/service.toml', texts.join('\n'));
    await rig.cluster.start();
    await rig.cluster.mustOrca('deploy');
    const figures: string[] = [];
    const violations: string[] = [];
    for (const mode of modes) {
      context.signal.throwIfAborted();
      const one = await disturb(rig, mode, context.count * 1000, next);
      violations.push(...one.violations);
      const middle = one.seconds.length === 0 ? 0 : quantile(one.seconds, 0.5);
      if (mode === 'doubled' && middle > heardSeconds)
        violations.push(`events ${mode}: half of the corrections took ${middle.toFixed(1)} s: they are not heard`);
      figures.push(`events ${mode}: ${one.seconds.length} stops by hand corrected: ${spread(one.seconds)}`);
      context.log(figures.at(-1) ?? '');
    }
    return { figures, violations: [...violations, ...(await rig.foreignFaults())] };
  });

export const f10: Scenario = {
  id: 'F10',
  title:
    'events of the engine are cut, silent, or come twice, that many seconds each, and containers are stopped by hand',
  counts: { short: 40, full: 600 },
  inCi: false,
  run,
};
