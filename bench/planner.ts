// What planning costs: 1,000 services of three replicas, converged and all changed, and ten times fewer for comparison.
import {
  instanceKey,
  plan,
  revision,
  type DesiredService,
  type Instance,
  type PlanInput,
  type Plannable,
} from '@orca/reconcile';

const replicas = 3;
const rounds = 30;

/** Each service depends on the one a hundred before it, so that there are chains of ten in a thousand. */
const input = (count: number, runs: 'wanted' | 'old' | 'nothing'): PlanInput<Plannable> => {
  const desired = Array.from({ length: count }, (_, i): DesiredService<Plannable> => ({
    spec: { name: `s${i}`, replicas, dependsOn: i < 100 ? [] : [`s${i - 100}`] },
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

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

interface Cost {
  /** By the clock, which counts what else the machine does. */
  readonly wallMs: number;
  /** Of this thread alone, its collections of garbage included: what ratios are made of. */
  readonly cpuMs: number;
  readonly steps: number;
}

const measure = (what: PlanInput<Plannable>): Cost => {
  const [wall, cpu]: [number[], number[]] = [[], []];
  let steps = 0;
  for (let round = 0; round < rounds; round += 1) {
    const begun = performance.now();
    const before = process.threadCpuUsage();
    steps = plan(what).steps.length;
    const { user, system } = process.threadCpuUsage(before);
    cpu.push((user + system) / 1000);
    wall.push(performance.now() - begun);
  }
  return { wallMs: median(wall), cpuMs: median(cpu), steps };
};

for (const runs of ['wanted', 'old', 'nothing'] as const) {
  // The small one first, so that the large one does not profit from a warm machine alone.
  const small = measure(input(100, runs));
  const large = measure(input(1_000, runs));
  const huge = measure(input(10_000, runs));
  const title = { wanted: 'converged', old: 'all changed', nothing: 'none there yet' }[runs];
  console.log(
    `${title.padEnd(15)} 1,000 services × ${replicas}: ${large.wallMs.toFixed(1)} ms, of CPU ${large.cpuMs.toFixed(1)} ms, ${large.steps} steps (goal < 50 ms); ` +
      `×10 services costs ×${(large.cpuMs / small.cpuMs).toFixed(1)} CPU from 100 and ×${(huge.cpuMs / large.cpuMs).toFixed(1)} from 1,000 (goal ≤ 12)`,
  );
}
