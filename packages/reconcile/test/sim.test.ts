import { describe, expect, it } from '@jest/globals';
import { converge, type DesiredService, type InstanceKey, type Plannable, type Ports } from '@orca/reconcile';
import { MemoryWorld } from '@orca/reconcile/testing';
import { desire } from './a-cluster.ts';
import { random } from './random.ts';

const passing = { kind: 'none' as const };
type Trouble = typeof passing | { readonly kind: 'faulty'; readonly rate: number };

class Schedule {
  readonly world: MemoryWorld;
  readonly violations: string[] = [];
  readonly #next: () => number;
  #trouble: Trouble = passing;
  #desired: readonly DesiredService<Plannable>[] = [];
  #crash: AbortController | undefined;
  /** Services with one proven, routed instance: from then on one must stay. */
  readonly #served = new Set<string>();

  constructor(seed: number) {
    this.#next = random(seed);
    this.world = new MemoryWorld({
      fault: ({ method, key }) => {
        if (this.#trouble.kind === 'faulty' && this.#next() < this.#trouble.rate)
          throw new Error(`fault in ${method} ${key}`);
      },
      isBad: (key) => key.endsWith('@bad'),
      onChange: () => {
        this.#assertSafe();
        // A crash may fall between any two changes.
        if (this.#trouble.kind === 'faulty' && this.#next() < 0.05) this.#crash?.abort();
      },
    });
  }

  #assertSafe(): void {
    for (const { spec, order, isRouted } of this.#desired) {
      const running = this.world.running(spec.name);
      for (let slot = 1; slot <= 3; slot += 1) {
        const writers = running.filter((i) => i.slot === slot).length;
        if (order.kind === 'stop-first' && writers > 1) this.violations.push(`two writers of ${spec.name}/${slot}`);
      }
      if (order.kind === 'start-first' && isRouted) {
        const served = running.some((i) => this.world.routes.has(i.key));
        if (served) this.#served.add(spec.name);
        else if (this.#served.has(spec.name))
          this.violations.push(`${spec.name} is served by nobody after ${this.world.calls.at(-1)}`);
      }
      for (const key of this.world.routes) {
        if (key.startsWith(`${spec.name}/`) && key.endsWith('@bad'))
          this.violations.push(`${key} is routed without being ready`);
      }
    }
  }

  async turn(desired: readonly DesiredService<Plannable>[], trouble: Trouble): Promise<string> {
    this.#desired = desired;
    this.#trouble = trouble;
    this.#crash = new AbortController();
    const ports: Ports<Plannable> = {
      runtime: this.world.runtime(),
      prober: this.world.prober(),
      router: this.world.router(),
      now: () => 0,
    };
    const gather = async (signal: AbortSignal) => ({
      desired,
      observed: {
        kind: 'known' as const,
        instances: await ports.runtime.observe(signal),
        routed: ports.router.routed(),
      },
    });
    try {
      const { outcome } = await converge(ports, { gather, signal: this.#crash.signal, quarantine: new Map() });
      return outcome;
    } catch {
      return 'threw';
    }
  }

  pick<T>(list: readonly T[]): T {
    const item = list[Math.floor(this.#next() * list.length)];
    if (item === undefined) throw new Error('empty list');
    return item;
  }

  services(revs: readonly string[]): readonly DesiredService<Plannable>[] {
    return [
      desire('db', this.pick(revs), { order: 'stop-first' }),
      desire('web', this.pick(revs), { isRouted: true, dependsOn: ['db'], replicas: this.pick([1, 2, 3]) }),
      desire('api', this.pick(revs), { isRouted: true }),
    ];
  }
}

const runSchedule = async (seed: number): Promise<readonly string[]> => {
  const s = new Schedule(seed);
  for (let round = 0; round < 6; round += 1) {
    await s.turn(s.services(['a', 'b', 'bad']), { kind: 'faulty', rate: s.pick([0, 0.05, 0.3]) });
  }
  const final = s.services(['a', 'b']);
  // A converged world needs one calm turn, whatever the troubled ones left behind.
  const outcome = await s.turn(final, passing);
  if (outcome !== 'converged') s.violations.push(`ended ${outcome}`);
  for (const { spec, revision } of final) {
    const keys: readonly InstanceKey[] = s.world.running(spec.name).map((i) => i.key);
    if (keys.length !== spec.replicas || !keys.every((k) => k.endsWith(`@${revision}`)))
      s.violations.push(`${spec.name} runs ${keys.join(' ')}`);
  }
  if ([...s.world.instances.values()].some((i) => i.stage !== 'current')) s.violations.push('something is left over');
  const before = s.world.calls.length;
  await s.turn(final, passing);
  if (s.world.calls.length !== before) s.violations.push('a second pass changed something');
  return s.violations;
};

describe('plan and apply, simulated', () => {
  it('1, 2, 3: stays safe after every step and converges, through faults, crashes, bad revisions and changes of mind', async () => {
    const schedules = Number(process.env['ORCA_SIM_SCHEDULES'] ?? 2000);
    const first = Number(process.env['ORCA_SIM_SEED'] ?? 1);
    for (let seed = first; seed < first + schedules; seed += 1) {
      const violations = await runSchedule(seed);
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    }
  });
});
