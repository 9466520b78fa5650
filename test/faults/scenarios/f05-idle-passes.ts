import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@orca/tooling-testbed';
import { cpuSeconds, residentMb } from '../processes.ts';
import { withRig, type Rig } from '../rig.ts';
import type { Scenario, ScenarioContext, ScenarioResult } from '../scenario.ts';
import { serviceText } from '../services.ts';

const services = 50;
const idleMs = 60_000;
const cpuLimit = 0.01;
/** Growth that is none: what a garbage collector leaves lying between two looks. */
const slackMb = 20;
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

/** As fast as they go; a tenth of them first, which fills caches and compiles. */
const passes = async (context: ScenarioContext): Promise<ScenarioResult> =>
  withRig({ name: 'f5', env: { ORCA_RESYNC_SECS: '0.02' } }, async (rig) => {
    await deploy(rig);
    await rig.cluster.restart('SIGTERM');
    const after = async (lists: number): Promise<number> => {
      await waitFor(() => rig.proxy.lists >= lists, { what: `${lists} passes`, timeoutMs: passesWithinMs });
      return residentMb(rig.cluster.pid);
    };
    rig.proxy.reset();
    const before = await after(Math.ceil(context.count / 10));
    rig.proxy.reset();
    const begun = performance.now();
    const growth = (await after(context.count)) - before;
    const perThousand = (growth / context.count) * 1000;
    const ms = (performance.now() - begun) / context.count;
    return {
      figures: [
        `${context.count} passes over ${services} converged services: ${rig.proxy.mutations.length} mutating calls, ${ms.toFixed(0)} ms each`,
        `resident memory: ${before.toFixed(0)} MB, and ${growth.toFixed(1)} MB more at the end (${perThousand.toFixed(1)} MB per 1,000 passes)`,
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
