import { describe, expect, it } from '@jest/globals';
import { instanceKey, revision, type InstanceKey } from '@orca/reconcile';
import type { EngineEvent, InstanceDetails } from '@orca/runtime-docker';
import { parseDesiredState, type ServiceSpec } from '@orca/spec';
import { Crashes, type CrashEvent } from '../src/crashes.ts';
import { Liveness, type LivenessEvent } from '../src/liveness.ts';

const seconds = 1_000;
const minutes = 60 * seconds;

const keyOf = (service: string): InstanceKey => instanceKey(service, 1, revision('a'));
const running = (service: string, change: Partial<InstanceDetails> = {}): InstanceDetails => ({
  key: keyOf(service),
  service,
  slot: 1,
  revision: revision('a'),
  stage: 'current',
  status: 'running',
  dependsOn: [],
  drift: [],
  project: 'p',
  containerId: `id-${service}`,
  name: `orca-${service}`,
  image: 'app',
  address: '10.0.0.2',
  restarting: false,
  restartCount: 0,
  startedAt: new Date(0).toISOString(),
  exitCode: undefined,
  oomKilled: false,
  memoryLimit: undefined,
  imageId: 'sha256:1',
  hostPorts: [],
  ...change,
});

const probed = (name: string, probe: string): ServiceSpec => {
  const text = `[[service]]\nname = "${name}"\nimage = "app:1"\nport = 8080\n[service.liveness]\npath = "/"\n${probe}`;
  const parsed = parseDesiredState([{ path: 'services/site/service.toml', text }], { root: '/', cluster: undefined });
  const [spec] = parsed.ok ? parsed.value.services : [];
  if (spec === undefined) throw new Error(JSON.stringify(parsed));
  return spec;
};

/** Probes of some services on a clock that stands still; who is ill is said by the test. */
class Ward {
  readonly ill = new Set<string>();
  readonly events: LivenessEvent[] = [];
  readonly #specs: ReadonlyMap<string, ServiceSpec>;
  #now = 0;
  wallNow = 0;
  /** Checks are answered only at the tick after the next one begins. */
  isSlow = false;
  /** For how many ticks an instance that is restarted is seen down. */
  downTicks = 0;
  readonly #down = new Map<InstanceKey, number>();
  readonly #waiting: (() => void)[] = [];
  #instances: readonly InstanceDetails[];
  readonly #liveness: Liveness;

  constructor(services: readonly string[], probe: string) {
    this.#specs = new Map(services.map((name) => [name, probed(name, probe)]));
    this.#instances = services.map((name) => running(name));
    this.#liveness = new Liveness({
      check: async (i) => {
        if (this.isSlow) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        const isOk = !this.ill.has(i.service);
        return { isOk, reason: isOk ? undefined : 'answered 500' };
      },
      now: () => this.#now,
      wallNow: () => this.wallNow,
      onEvent: (event) => {
        this.events.push(event);
        // As the planner would: a restart that is asked for happens at once, and makes a new run.
        if (event.type === 'ailing') this.#restart(event.key);
      },
    });
  }

  #restart(key: InstanceKey): void {
    this.#down.set(key, this.downTicks);
    this.#instances = this.#instances.map((i) =>
      i.key === key ? { ...i, startedAt: new Date(this.wallNow).toISOString() } : i,
    );
    this.#liveness.restarted(key);
  }

  async pass(ms: number, stepMs = seconds): Promise<void> {
    for (const until = this.#now + ms; this.#now < until;) {
      this.#now += stepMs;
      this.wallNow += stepMs;
      const answered = this.#waiting.splice(0);
      this.#liveness.tick(this.#seen(), this.#specs);
      for (const answer of answered) answer();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #seen(): readonly InstanceDetails[] {
    return this.#instances.map((i) => {
      const left = this.#down.get(i.key) ?? 0;
      this.#down.set(i.key, left - 1);
      return left > 0 ? { ...i, status: 'exited' } : i;
    });
  }

  restarts(): readonly string[] {
    return this.events.flatMap((e) => (e.type === 'ailing' ? [e.key.split('/')[0] ?? ''] : []));
  }
}

const quick = 'interval_secs = 10\ntimeout_secs = 3\nfailure_threshold = 3\ninitial_delay_secs = 0';

describe('liveness probes', () => {
  it('34, 35: leave a slow starter alone until its delay is over', async () => {
    const ward = new Ward(['web'], 'interval_secs = 10\ninitial_delay_secs = 120\nfailure_threshold = 3');
    ward.ill.add('web');
    await ward.pass(100 * seconds);
    ward.ill.clear();
    await ward.pass(10 * minutes);
    expect(ward.restarts()).toEqual([]);
  });

  it('34: count consecutive failures only', async () => {
    const ward = new Ward(['web'], quick);
    for (let i = 0; i < 20; i += 1) {
      ward.ill.add('web');
      await ward.pass(20 * seconds);
      ward.ill.clear();
      await ward.pass(10 * seconds);
    }
    expect(ward.restarts()).toEqual([]);
  });

  it('36: restart what fails, ever more slowly: at once, then after 10, 20, 40 … 300 s', async () => {
    const ward = new Ward(
      ['web'],
      'interval_secs = 1\ntimeout_secs = 1\nfailure_threshold = 1\ninitial_delay_secs = 0',
    );
    ward.ill.add('web');
    const times: number[] = [];
    for (let second = 0; second < 1_300; second += 1) {
      const before = ward.restarts().length;
      await ward.pass(seconds);
      if (ward.restarts().length > before) times.push(second);
    }
    const pauses = times.slice(1).map((at, i) => at - (times[i] ?? 0));
    expect(pauses.map((pause) => Math.round(pause / 10) * 10)).toEqual([10, 20, 40, 80, 160, 300, 300, 300]);
  });

  it('36: do not forget how often what is seen down during its restart was restarted', async () => {
    const ward = new Ward(
      ['web'],
      'interval_secs = 1\ntimeout_secs = 1\nfailure_threshold = 1\ninitial_delay_secs = 0',
    );
    ward.ill.add('web');
    ward.downTicks = 3;
    await ward.pass(5 * minutes);
    expect(ward.restarts().length).toBeLessThanOrEqual(6);
  });

  it('37: restart nobody while more than half of all fail, and count anew afterwards', async () => {
    const ward = new Ward(['s1', 's2', 's3', 's4', 's5'], quick);
    await ward.pass(minutes);
    for (const name of ['s1', 's2', 's3']) ward.ill.add(name);
    await ward.pass(5 * minutes);
    expect(ward.restarts()).toEqual([]);
    expect(ward.events).toEqual([{ type: 'breaker', isOpen: true, failing: 3, probed: 5 }]);
    ward.ill.delete('s1');
    await ward.pass(15 * seconds);
    ward.ill.clear();
    await ward.pass(minutes);
    expect(ward.restarts()).toEqual([]);
    ward.ill.add('s1');
    await ward.pass(minutes);
    expect(ward.restarts()).toContain('s1');
  });

  it('37: believe no failure from a time when the process itself was held up', async () => {
    const ward = new Ward(['s1'], quick);
    await ward.pass(minutes);
    ward.ill.add('s1');
    ward.isSlow = true;
    for (let i = 0; i < 10; i += 1) await ward.pass(20 * seconds, 20 * seconds);
    ward.ill.clear();
    ward.isSlow = false;
    await ward.pass(minutes);
    expect(ward.restarts()).toEqual([]);
  });

  it('41: are not confused by a wall clock that jumps a day', async () => {
    const ward = new Ward(['web'], 'interval_secs = 10\ninitial_delay_secs = 300\nfailure_threshold = 1');
    ward.ill.add('web');
    await ward.pass(minutes);
    ward.wallNow += 24 * 60 * minutes;
    await ward.pass(minutes);
    ward.wallNow -= 48 * 60 * minutes;
    await ward.pass(minutes);
    expect(ward.restarts()).toEqual([]);
  });
});

describe('crashes', () => {
  const changed = (action: string, exitCode?: number, containerId = 'id-web'): EngineEvent => ({
    type: 'changed',
    containerId,
    service: 'web',
    action,
    exitCode,
  });
  let now = 0;
  const setUp = (change: Partial<InstanceDetails> = {}): { crashes: Crashes; events: CrashEvent[] } => {
    now = 0;
    const events: CrashEvent[] = [];
    const crashes = new Crashes({ now: () => now, onEvent: (event) => events.push(event) });
    crashes.see([running('web', change)]);
    return { crashes, events };
  };

  it('36: let an instance that ends every 11 s rest, ever longer, and name it', () => {
    const { crashes, events } = setUp();
    for (let i = 0; i < 12; i += 1) {
      crashes.hear(changed('start'));
      now += 11 * seconds;
      crashes.hear(changed('die', 1));
      const last = events.at(-1);
      now += last?.type === 'rests' ? last.forMs : 0;
      crashes.tick();
    }
    const rests = events.flatMap((e) => (e.type === 'rests' ? [e.forMs / seconds] : []));
    expect(rests).toEqual([10, 20, 40, 80, 160, 300, 300, 300, 300]);
    expect(events.at(-1)).toEqual({ type: 'rested', key: keyOf('web') });
    expect([...crashes.loops()]).toEqual([[keyOf('web'), 'crash loop: exited with code 1, 12 times in a row']]);
  });

  it('36: tell the planner while it rests, and forgive what runs for ten minutes', () => {
    const { crashes } = setUp();
    for (let i = 0; i < 4; i += 1) {
      crashes.hear(changed('start'));
      crashes.hear(changed('die', 1));
    }
    expect([...crashes.resting()]).toEqual([
      [keyOf('web'), 'crash loop: exited with code 1, 4 times in a row; rests for 10 s'],
    ]);
    now += 10 * seconds;
    crashes.tick();
    expect(crashes.resting().size).toBe(0);
    crashes.hear(changed('start'));
    now += 10 * minutes;
    expect(crashes.loops().size).toBe(0);
    crashes.hear(changed('die', 1));
    expect(crashes.resting().size).toBe(0);
  });

  it('36: keep the engine from starting who crashes again and again, from the third crash until it is forgiven', () => {
    const { crashes } = setUp();
    const isHeld = [1, 2, 3, 4].map(() => {
      crashes.hear(changed('start'));
      now += 11 * seconds;
      crashes.hear(changed('die', 1));
      return crashes.isHeld(keyOf('web'));
    });
    expect(isHeld).toEqual([false, false, true, true]);
    now += 10 * seconds;
    crashes.tick();
    crashes.hear(changed('start'));
    now += 9 * minutes;
    expect(crashes.isHeld(keyOf('web'))).toBe(true);
    now += 1 * minutes;
    expect(crashes.isHeld(keyOf('web'))).toBe(false);
    expect(crashes.isHeld(keyOf('other'))).toBe(false);
  });

  it('38: name an end for want of memory, with the limit', () => {
    const { crashes, events } = setUp({ memoryLimit: 64 * 1024 * 1024 });
    crashes.hear(changed('oom'));
    crashes.hear(changed('die', 137));
    expect(events).toEqual([{ type: 'crashed', key: keyOf('web'), reason: 'ran out of memory (OOM, limit 64 MiB)' }]);
  });

  it('38: name the likely reason when it was killed without a word', () => {
    const { crashes, events } = setUp();
    crashes.hear(changed('die', 137));
    expect(events).toMatchObject([{ reason: expect.stringMatching(/code 137 .*ran out of memory/) }]);
  });

  it('remember nothing of what is gone, nor of strangers', () => {
    const { crashes } = setUp();
    for (let n = 0; n < 100; n += 1) {
      crashes.hear(changed('disconnect', undefined, `foreign-${n}`));
      // Made anew by hand and by orca, with the same key.
      crashes.see([running('web', { containerId: `web-${n}` })]);
      crashes.hear(changed('kill', undefined, `web-${n}`));
      crashes.hear(changed('die', 0, `web-${n}`));
      crashes.see([]);
      crashes.hear(changed('destroy', undefined, `web-${n}`));
    }
    expect(crashes.size).toBe(0);
    crashes.see([running('web', { containerId: 'one' })]);
    crashes.see([running('web', { containerId: 'two' })]);
    expect(crashes.size).toBe(1);
  });

  it('20: do not count an end that was asked for, by whomever', () => {
    const { crashes, events } = setUp();
    for (let i = 0; i < 20; i += 1) {
      crashes.hear(changed('start'));
      crashes.hear(changed('kill'));
      crashes.hear(changed('die', 143));
    }
    expect(events).toEqual([]);
  });

  it('do not count those of an unproven instance: whoever waits for it judges', () => {
    const { crashes, events } = setUp({ stage: 'candidate' });
    crashes.hear(changed('die', 1));
    expect(events).toEqual([]);
  });
});
