import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@orca/tooling-testbed';
import { cpuSeconds, residentMb } from '../processes.ts';
import { withRig, type Rig } from '../rig.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { serviceText } from '../services.ts';

const services = 50;
const idleMs = 60_000;
const cpuLimit = 0.01;
/** A collector that is not asked to save memory waits with it, and what it will free looks like growth. */
const eager = '--max-semi-space-size=1 --max-old-space-size=96';
/** How often memory is looked at, evenly over the passes; an even number. */
const looks = 40;
/** Growth that tells nothing. */
const slackMb = 5;
const passesWithinMs = 600_000;

const deploy = async ({ cluster }: Rig): Promise<void> => {
  const texts = Array.from({ length: services }, (_, i) => serviceText({ name: `idle-${i + 1}` }));
  cluster.write('services/all/service.toml', texts.join('\n'));
  await cluster.start();
  await cluster.mustOrca('deploy');
};

/** As it comes: passes every 30 s, and a deploy long enough ago. */
const idle = async (context: ScenarioContext): Promise<ScenarioResult> =>
  withRig({ name: 'f5' }, async (rig) => {
    await deploy(rig);
    await rig.cluster.restart('SIGTERM');
    await sleep(10_000);
    rig.proxy.reset();
    const before = cpuSeconds(rig.cluster.pid);
    await sleep(idleMs);
    const share = (cpuSeconds(rig.cluster.pid) - before) / (idleMs / 1000);
    const percent = `${(share * 100).toFixed(2)} % of a core over ${idleMs / 1000} s, ${rig.proxy.lists} passes`;
    context.log(`idle: ${percent}`);
    return {
      figures: [
        `idle with ${services} running services: ${percent}, ${residentMb(rig.cluster.pid).toFixed(0)} MB resident`,
      ],
      violations: [
        ...(share < cpuLimit ? [] : [`idle costs ${percent}; the limit is 1 %`]),
        ...rig.proxy.mutations.map((call) => `idle, and asked for: ${call}`),
      ],
    };
  });

/** As fast as they go; as many again first, which fill caches and get compiled. */
const passes = async (context: ScenarioContext): Promise<ScenarioResult> =>
  withRig({ name: 'f5', env: { ORCA_RESYNC_SECS: '0.02', NODE_OPTIONS: eager } }, async (rig) => {
    await deploy(rig);
    await rig.cluster.restart('SIGTERM');
    const after = async (lists: number): Promise<number> => {
      await waitFor(() => rig.proxy.lists >= lists, { what: `${lists} passes`, timeoutMs: passesWithinMs });
      return residentMb(rig.cluster.pid);
    };
    rig.proxy.reset();
    await after(context.count);
    rig.proxy.reset();
    const begun = performance.now();
    const samples: number[] = [];
    for (let i = 1; i <= looks; i += 1) samples.push(await after(Math.ceil((context.count * i) / looks)));
    const ms = (performance.now() - begun) / context.count;
    context.log(`resident MB: ${samples.map((mb) => mb.toFixed(0)).join(' ')}`);
    // What a garbage collector leaves lying goes up and down: the lowest of each half is what is really held.
    const [early, late] = [samples.slice(0, looks / 2), samples.slice(looks / 2)].map((half) => Math.min(...half));
    const growth = (late ?? Number.NaN) - (early ?? Number.NaN);
    const perThousand = (growth / (context.count / 2)) * 1000;
    return {
      figures: [
        `${context.count} passes over ${services} converged services: ${rig.proxy.mutations.length} mutating calls, ${ms.toFixed(0)} ms each`,
        `resident memory: ${early?.toFixed(0)} MB, and ${growth.toFixed(1)} MB more in the second half (${perThousand.toFixed(1)} MB per 1,000 passes)`,
      ],
      violations: [
        ...rig.proxy.mutations.map((call) => `a pass over a converged host asked for: ${call}`),
        ...(growth < slackMb ? [] : [`resident memory grew by ${growth.toFixed(1)} MB`]),
        ...(await rig.foreignFaults()),
      ],
    };
  });

const run = async (context: ScenarioContext): Promise<ScenarioResult> => {
  const parts = [await passes(context), await idle(context)];
  return { figures: parts.flatMap((p) => p.figures), violations: parts.flatMap((p) => p.violations) };
};

export const f05: Scenario = {
  id: 'F5',
  title: 'passes over a converged host, and a minute of doing nothing',
  counts: { short: 200, full: 1_000 },
  inCi: false,
  run,
};
