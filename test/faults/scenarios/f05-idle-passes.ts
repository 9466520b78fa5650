import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tempDir, waitFor } from '@orca/tooling-testbed';
import { heldMemory, heldMemoryEnv, type Held } from '../held-memory.ts';
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
/**
 * Passes before those that count: caches are filled and code is compiled, for which the heap grows by a megabyte in the
 * first thousand, and the limit of 60 s that each look has comes to its end as often as it begins.
 */
const warmUp = 2_000;
/**
 * Growth in MB that tells nothing. Of the heap: a pass every 40 ms has 1,500 limits under way, half a kilobyte each, and
 * fewer when the machine gets slower. Of the process: what allocators keep.
 */
const slack: Held = { heap: 1, external: 0.5, resident: 5 };
const names: Readonly<Record<keyof Held, string>> = {
  heap: 'heap after a collection',
  external: 'outside of it',
  resident: 'resident memory',
};
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

/** The lowest of each half is what is really held: the rest goes up and down. */
const growthOf = (looked: readonly Held[], of: keyof Held): { readonly from: number; readonly by: number } => {
  const values = looked.map((held) => held[of]);
  const [early, late] = [values.slice(0, looks / 2), values.slice(looks / 2)].map((half) => Math.min(...half));
  return { from: early ?? Number.NaN, by: (late ?? Number.NaN) - (early ?? Number.NaN) };
};

/** As fast as they go; as many again first. */
const passes = async (context: ScenarioContext): Promise<ScenarioResult> => {
  await using dir = await tempDir('orca-f5-');
  const file = join(dir.path, 'heap.json');
  // Awaited here: the directory goes when this function ends.
  return await withRig(
    { name: 'f5', env: { ORCA_RESYNC_SECS: '0.02', ...heldMemoryEnv(file, eager) } },
    async (rig) => {
      await deploy(rig);
      await rig.cluster.restart('SIGTERM');
      const after = async (lists: number): Promise<Held> => {
        await waitFor(() => rig.proxy.lists >= lists, { what: `${lists} passes`, timeoutMs: passesWithinMs });
        return heldMemory(rig.cluster.pid, file);
      };
      rig.proxy.reset();
      await after(Math.max(context.count, warmUp));
      rig.proxy.reset();
      const begun = performance.now();
      const looked: Held[] = [];
      for (let i = 1; i <= looks; i += 1) looked.push(await after(Math.ceil((context.count * i) / looks)));
      const ms = (performance.now() - begun) / context.count;
      const kinds = Object.keys(slack) as (keyof Held)[];
      for (const of of kinds) context.log(`${names[of]}, MB: ${looked.map((held) => held[of].toFixed(1)).join(' ')}`);
      const growth = kinds.map((of) => ({ of, ...growthOf(looked, of) }));
      return {
        figures: [
          `${context.count} passes over ${services} converged services: ${rig.proxy.mutations.length} mutating calls, ${ms.toFixed(0)} ms each`,
          ...growth.map(({ of, from, by }) => {
            const perThousand = (by / (context.count / 2)) * 1000;
            return `${names[of]}: ${from.toFixed(1)} MB, and ${by.toFixed(2)} MB more in the second half (${perThousand.toFixed(2)} MB per 1,000 passes)`;
          }),
        ],
        violations: [
          ...rig.proxy.mutations.map((call) => `a pass over a converged host asked for: ${call}`),
          ...growth
            .filter(({ of, by }) => by >= slack[of])
            .map(({ of, by }) => `${names[of]} grew by ${by.toFixed(2)} MB`),
          ...(await rig.foreignFaults()),
        ],
      };
    },
  );
};

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
