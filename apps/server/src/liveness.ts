import { foldHealth, restartBackoffMs, type Health, type InstanceKey } from '@orca/reconcile';
import type { InstanceDetails } from '@orca/runtime-docker';
import type { Probe, ServiceSpec } from '@orca/spec';

/** A restart earlier than this ago counts against the next one. */
const forgivenAfterMs = 10 * 60_000;

export interface LivenessPorts {
  /** One check on a fresh connection; never throws. */
  readonly check: (
    i: InstanceDetails,
    probe: Probe,
  ) => Promise<{ readonly isOk: boolean; readonly reason: string | undefined }>;
  /** Stops and starts the instance, in file with every other change. */
  readonly restart: (i: InstanceDetails, spec: ServiceSpec, reason: string) => Promise<void>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Wall-clock milliseconds, to tell a container's age from its start time. */
  readonly wallNow: () => number;
  readonly onEvent: (event: LivenessEvent) => void;
}

export type LivenessEvent =
  | { readonly type: 'unhealthy'; readonly key: InstanceKey; readonly reason: string; readonly waitMs: number }
  | { readonly type: 'restarted'; readonly key: InstanceKey }
  | { readonly type: 'restart failed'; readonly key: InstanceKey; readonly reason: string };

interface Watched {
  health: Health | undefined;
  nextCheckAt: number;
  isChecking: boolean;
  restarts: number;
  lastRestartAt: number;
}

/** Checks proven instances as their liveness probes say, and restarts those that fail it, ever more slowly. */
export class Liveness {
  readonly #ports: LivenessPorts;
  readonly #watched = new Map<InstanceKey, Watched>();

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

  /** Begins the checks that are due; to be called about once a second with what was last seen. */
  tick(instances: readonly InstanceDetails[], specs: ReadonlyMap<string, ServiceSpec>): void {
    const alive = new Set<InstanceKey>();
    for (const i of instances) {
      const spec = specs.get(i.service);
      const probe = spec?.liveness;
      if (spec === undefined || probe === undefined || i.stage !== 'current' || i.status !== 'running') continue;
      alive.add(i.key);
      const watched = this.#watched.get(i.key) ?? newcomer();
      this.#watched.set(i.key, watched);
      if (watched.isChecking || this.#ports.now() < watched.nextCheckAt) continue;
      watched.isChecking = true;
      void this.#check(i, spec, probe, watched).finally(() => {
        watched.isChecking = false;
      });
    }
    for (const key of this.#watched.keys()) if (!alive.has(key)) this.#watched.delete(key);
  }

  async #check(i: InstanceDetails, spec: ServiceSpec, probe: Probe, watched: Watched): Promise<void> {
    const { check, now, wallNow, onEvent } = this.#ports;
    watched.nextCheckAt = now() + probe.intervalMs;
    const result = await check(i, probe);
    const started = Date.parse(i.startedAt ?? '');
    const ageMs = Number.isNaN(started) ? 0 : wallNow() - started;
    watched.health = foldHealth(watched.health, { run: `${i.containerId} ${i.startedAt}`, ...result, ageMs }, probe);
    if (watched.health.status !== 'unhealthy') return;
    if (now() - watched.lastRestartAt > forgivenAfterMs) watched.restarts = 0;
    const waitMs = Math.max(0, watched.lastRestartAt + restartBackoffMs(watched.restarts) - now());
    const reason = watched.health.reason ?? 'no answer';
    onEvent({ type: 'unhealthy', key: i.key, reason, waitMs });
    if (waitMs > 0) return;
    watched.restarts += 1;
    watched.lastRestartAt = now();
    try {
      await this.#ports.restart(i, spec, reason);
      onEvent({ type: 'restarted', key: i.key });
    } catch (error) {
      onEvent({ type: 'restart failed', key: i.key, reason: Error.isError(error) ? error.message : String(error) });
    }
  }
}

const newcomer = (): Watched => ({
  health: undefined,
  nextCheckAt: 0,
  isChecking: false,
  restarts: 0,
  lastRestartAt: Number.NEGATIVE_INFINITY,
});
