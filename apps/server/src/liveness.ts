import { foldHealth, restartBackoffMs, type Health, type InstanceKey } from '@orca/reconcile';
import type { CheckResult, InstanceDetails } from '@orca/runtime-docker';
import type { Probe, ServiceSpec } from '@orca/spec';

/** A restart earlier than this ago counts against the next one. */
const forgivenAfterMs = 10 * 60_000;
/** With fewer probed instances "most of them fail" says nothing about the node. */
const fleetMin = 4;
/** A timer this late was held up by something other than the services. */
const lateMs = 2_000;

export interface LivenessPorts {
  /** One check on a fresh connection; never throws. */
  readonly check: (i: InstanceDetails, probe: Probe) => Promise<CheckResult>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Wall-clock milliseconds, to tell how long a container ran before it was first seen. */
  readonly wallNow: () => number;
  readonly onEvent: (event: LivenessEvent) => void;
}

export type LivenessEvent =
  /** It failed again soon after a restart: the next one has to wait. */
  | { readonly type: 'unhealthy'; readonly key: InstanceKey; readonly reason: string; readonly waitMs: number }
  /** The planner is to restart it; it is in `ailing()` from now on. */
  | { readonly type: 'ailing'; readonly key: InstanceKey; readonly reason: string }
  /** So many fail at once that the node or the prober is the likelier cause: nothing is restarted. */
  | { readonly type: 'breaker'; readonly isOpen: boolean; readonly failing: number; readonly probed: number };

interface Watched {
  /** Which run of which container: another one begins from nothing. */
  run: string;
  /** Age of the run when it was first seen, and when that was. */
  ageThen: number;
  seenAt: number;
  health: Health | undefined;
  nextCheckAt: number;
  isChecking: boolean;
  /** Whether it was told that the next restart has to wait. */
  isAnnounced: boolean;
  restarts: number;
  lastRestartAt: number;
}

/** Checks proven instances as their liveness probes say, and names those that are to be restarted, ever more slowly. */
export class Liveness {
  readonly #ports: LivenessPorts;
  readonly #watched = new Map<InstanceKey, Watched>();
  readonly #ailing = new Map<InstanceKey, { readonly run: string; readonly reason: string }>();
  #lastTickAt: number | undefined;
  #epoch = 0;
  #isOpen = false;

  constructor(ports: LivenessPorts) {
    this.#ports = ports;
  }

  /** What is known to be wrong with a service's instances right now. */
  unhealthy(): ReadonlyMap<InstanceKey, string> {
    return new Map(
      [...this.#watched].flatMap(([key, { health }]) =>
        health?.status === 'unhealthy' ? [[key, health.reason ?? 'fails its liveness probe'] as const] : [],
      ),
    );
  }

  /** For the planner: who is to be restarted, and why. */
  ailing(): ReadonlyMap<InstanceKey, string> {
    return new Map([...this.#ailing].map(([key, { reason }]) => [key, reason]));
  }

  /** A restart that was asked for has begun. */
  restarted(key: InstanceKey): void {
    this.#ailing.delete(key);
  }

  /** Begins the checks that are due; to be called about once a second with what was last seen. */
  tick(instances: readonly InstanceDetails[], specs: ReadonlyMap<string, ServiceSpec>): void {
    const now = this.#ports.now();
    // Held up (a stopped process, a blocked loop): what the checks under way will say is not to be believed.
    if (this.#lastTickAt !== undefined && now - this.#lastTickAt > lateMs) this.#epoch += 1;
    this.#lastTickAt = now;
    const present = new Set<InstanceKey>();
    for (const i of instances) {
      const probe = specs.get(i.service)?.liveness;
      if (probe === undefined || i.stage !== 'current') continue;
      // Seen down it may be in the middle of a restart, which must not make its earlier ones forgotten.
      present.add(i.key);
      if (i.status !== 'running') {
        const known = this.#watched.get(i.key);
        if (known !== undefined) known.health = undefined;
        continue;
      }
      const watched = this.#watch(i);
      if (watched.isChecking || now < watched.nextCheckAt || this.#ailing.has(i.key)) continue;
      watched.isChecking = true;
      void this.#check(i, probe, watched).finally(() => {
        watched.isChecking = false;
      });
    }
    for (const key of this.#watched.keys()) {
      if (present.has(key)) continue;
      this.#watched.delete(key);
      this.#ailing.delete(key);
    }
  }

  #watch(i: InstanceDetails): Watched {
    const { now, wallNow } = this.#ports;
    const run = `${i.containerId} ${i.startedAt}`;
    const known = this.#watched.get(i.key);
    if (known?.run === run) return known;
    const started = Date.parse(i.startedAt ?? '');
    // The wall clock is asked once a run: a jump of it later must not make anyone old.
    const ageThen = Number.isNaN(started) ? 0 : Math.max(0, wallNow() - started);
    const watched: Watched = {
      ...(known ?? { restarts: 0, lastRestartAt: Number.NEGATIVE_INFINITY }),
      run,
      ageThen,
      seenAt: now(),
      health: undefined,
      nextCheckAt: 0,
      isChecking: false,
      isAnnounced: false,
    };
    this.#watched.set(i.key, watched);
    this.#ailing.delete(i.key);
    return watched;
  }

  async #check(i: InstanceDetails, probe: Probe, watched: Watched): Promise<void> {
    const { check, now, onEvent } = this.#ports;
    const begun = now();
    const epoch = this.#epoch;
    watched.nextCheckAt = begun + probe.intervalMs;
    const result = await check(i, probe);
    const isLate = epoch !== this.#epoch || now() - begun > probe.timeoutMs + lateMs;
    if (isLate && !result.isOk) return;
    const ageMs = watched.ageThen + now() - watched.seenAt;
    watched.health = foldHealth(watched.health, { run: watched.run, ...result, ageMs }, probe);
    this.#judgeFleet();
    const { health } = watched;
    if (health?.status !== 'unhealthy' || this.#isOpen) return;
    if (now() - watched.lastRestartAt > forgivenAfterMs) watched.restarts = 0;
    const waitMs = Math.max(0, watched.lastRestartAt + restartBackoffMs(watched.restarts) - now());
    const reason = `fails its liveness probe: ${health.reason ?? 'no answer'}`;
    if (waitMs > 0) {
      if (!watched.isAnnounced) onEvent({ type: 'unhealthy', key: i.key, reason, waitMs });
      watched.isAnnounced = true;
      return;
    }
    watched.restarts += 1;
    watched.lastRestartAt = now();
    this.#ailing.set(i.key, { run: watched.run, reason });
    onEvent({ type: 'ailing', key: i.key, reason });
  }

  /** More than half failing at once is no verdict on any of them: what was counted so far is discarded. */
  #judgeFleet(): void {
    const all = [...this.#watched.values()];
    const failing = all.filter(({ health }) => (health?.failures ?? 0) > 0);
    const isOpen = all.length >= fleetMin && failing.length * 2 > all.length;
    if (isOpen !== this.#isOpen)
      this.#ports.onEvent({ type: 'breaker', isOpen, failing: failing.length, probed: all.length });
    if (this.#isOpen && !isOpen) for (const watched of failing) watched.health = undefined;
    this.#isOpen = isOpen;
  }
}
