/**
 * `pnpm bench:planner`: what planning costs when nothing, everything, and the first deploy is to be done, and how that
 * grows, beside a mere copy of the plan. Each size is planned in a process of its own: neither its garbage nor what the
 * compiler learned is another's.
 */
import { execFileSync } from 'node:child_process';
import {
  instanceKey,
  plan,
  revision,
  type DesiredService,
  type Instance,
  type Plan,
  type PlanInput,
  type Plannable,
  type Step,
} from '@orca/reconcile';
import { commandLine, noPositionals } from '@orca/tooling-testbed';
import { median } from './figures.ts';

const replicas = 3;
const sizes = [100, 1_000, 10_000] as const;
/** Services planned in all, whatever the size: as many for the compiler to learn from, and as much garbage. */
const planned = Number(process.env['ORCA_BENCH_SERVICES'] ?? 300_000);
const goal = { ms: 50, growth: 12 };

const titles = { wanted: 'converged', old: 'all changed', nothing: 'none there yet' } as const;
type Runs = keyof typeof titles;

/** Chains of ten at every size, so that ten times the services is ten times the same. */
const input = (count: number, runs: Runs): PlanInput<Plannable> => {
  const chains = count / 10;
  const desired = Array.from({ length: count }, (_, i): DesiredService<Plannable> => ({
    spec: { name: `s${i}`, replicas, dependsOn: i < chains ? [] : [`s${i - chains}`] },
    revision: revision('new'),
    order: { kind: 'start-first', reason: 'nothing is shared' },
    isRouted: true,
    isPaused: false,
    stopGraceMs: 10_000,
  }));
  const rev = revision(runs === 'wanted' ? 'new' : 'old');
  const seen = ({ spec }: DesiredService<Plannable>): readonly Instance[] =>
    Array.from({ length: replicas }, (_, i) => ({
      key: instanceKey(spec.name, i + 1, rev),
      service: spec.name,
      slot: i + 1,
      revision: rev,
      stage: 'current',
      status: 'running',
      dependsOn: spec.dependsOn,
      drift: [],
    }));
  const instances = runs === 'nothing' ? [] : desired.flatMap(seen);
  return {
    desired,
    observed: { kind: 'known', instances, routed: new Set(instances.map((i) => i.key)) },
    memory: { quarantined: new Map() },
  };
};

interface Cost {
  /** What the other work of a machine disturbs least, and the collections of garbage most plans are spared. */
  readonly minMs: number;
  readonly medianMs: number;
  /** The mean of all threads of the process: collections of garbage wherever they run, and whatever they fall on. */
  readonly cpuMs: number;
  readonly steps: number;
}

/** The least a plan of this size can cost: the objects it is made of, without a thought. */
const copy = ({ steps }: Plan<Plannable>): readonly Step<Plannable>[] =>
  steps.map(({ id, after, action }) => ({ id, after: [...after], action: { ...action } }));

const works = { plan: 'planned', copy: 'copied' } as const;
type Work = keyof typeof works;

const measure = (work: Work, what: PlanInput<Plannable>): Cost => {
  const made = plan(what);
  const once = work === 'plan' ? () => plan(what).steps.length : () => copy(made).length;
  const rounds = planned / what.desired.length;
  for (let round = 0; round < rounds / 3; round += 1) once();
  const times: number[] = [];
  let steps = 0;
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) {
    const begun = performance.now();
    steps = once();
    times.push(performance.now() - begun);
  }
  const { user, system } = process.cpuUsage(before);
  return { minMs: Math.min(...times), medianMs: median(times), cpuMs: (user + system) / 1000 / rounds, steps };
};

const measureApart = (runs: Runs, work: Work, count: number): Cost => {
  const args = [...process.execArgv, import.meta.filename, runs, work, String(count)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Cost;
};

const report = (runs: Runs, work: Work): void => {
  let less: Cost | undefined;
  for (const count of sizes) {
    const cost = measureApart(runs, work, count);
    const times = (of: keyof Cost): string => (less === undefined ? '' : ` ×${(cost[of] / less[of]).toFixed(1)}`);
    const one = (name: string, of: keyof Cost): string =>
      `${name} ${cost[of].toFixed(cost[of] < 10 ? 2 : 1).padStart(6)} ms${times(of).padEnd(6)}`;
    console.log(
      `  ${works[work].padEnd(7)} ${count.toLocaleString('en').padStart(6)} × ${replicas}  ` +
        `${one('min', 'minMs')} ${one('median', 'medianMs')} ${one('CPU', 'cpuMs')} ${cost.steps} steps`,
    );
    less = cost;
  }
};

/** As this program calls itself for one measurement; without any, it is asked for all. */
const [runs, work, count] = commandLine({
  usage:
    'pnpm bench:planner\n\nORCA_BENCH_SERVICES (300000) services are planned in all at each size, whatever the size.',
  options: {},
  read: ({ positionals }) => {
    if (positionals.length !== 3) noPositionals(positionals);
    return positionals;
  },
});
if (runs === undefined) {
  for (const each of Object.keys(titles) as Runs[]) {
    console.log(titles[each]);
    report(each, 'plan');
    if (each !== 'wanted') report(each, 'copy');
  }
  console.log(`goals: 1,000 × ${replicas} in less than ${goal.ms} ms; ten times the services at most ×${goal.growth}`);
} else {
  console.log(JSON.stringify(measure(work as Work, input(Number(count), runs as Runs))));
}
