import type { DeployEvent, DeployOutcome, WireChange, WireFailure } from '@orca/api';
import { verbOf, type InstanceKey, type Plan, type ReconcilerEvent, type Settlement, type Step } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';
import { messageOf, wireChanges, wireEvent, wirePlan } from './wire.ts';

type End = Extract<DeployEvent, { type: 'end' }>;
type Event = ReconcilerEvent<ServiceSpec>;

export interface DeploymentOptions {
  /** Its id: in the log, in what the caller is told, and on the containers it made. */
  readonly operation: string;
  /** Services that this deploy is about. */
  readonly services: ReadonlySet<string>;
  readonly emit: (event: DeployEvent) => void;
  readonly redact: (text: string) => string;
  /** The last lines an instance printed. */
  readonly lastLines: (key: InstanceKey) => Promise<readonly string[]>;
  /** Whether it was the proven one of its slot when it was last seen. */
  readonly isProven: (key: InstanceKey) => boolean;
  /** Calls so far that could change something in the engine. */
  readonly mutations: () => number;
  readonly now: () => number;
}

/** What one deploy sees of the loop: it passes on what concerns its services, and sums up at the end. */
export class Deployment {
  readonly #o: DeploymentOptions;
  readonly #begun: number;
  readonly #mutationsBefore: number;
  readonly #announced = new Set<string>();
  readonly #done: Step<ServiceSpec>[] = [];
  readonly #downtimes: Downtimes;
  readonly #failed = new Map<string, Settlement<ServiceSpec>>();

  constructor(o: DeploymentOptions) {
    this.#o = o;
    this.#begun = o.now();
    this.#downtimes = new Downtimes(o.isProven);
    this.#mutationsBefore = o.mutations();
  }

  get operation(): string {
    return this.#o.operation;
  }

  /** The whole plan, before anything is done. */
  announce(plan: Plan<ServiceSpec>): void {
    for (const { id } of plan.steps) this.#announced.add(id);
    this.#o.emit(wirePlan(plan));
  }

  hear(event: Event): void {
    if (event.type === 'plan') this.#more(event.service, event.plan);
    // A later look at a service that failed only says that it is blocked: the failure itself is what matters.
    if (event.type === 'settled' && this.#concerns(event.service) && event.settlement.failed.length > 0)
      this.#failed.set(event.service, event.settlement);
    if (!event.type.startsWith('step.') || !('step' in event) || !this.#concerns(event.step.action.service)) return;
    if (event.type === 'step.done') this.#done.push(event.step);
    this.#downtimes.hear(event, this.#o.now());
    this.#o.emit(wireEvent(event, this.#o.redact));
  }

  /** Sums up how the services ended. */
  async end(last: ReadonlyMap<string, Settlement<ServiceSpec>>): Promise<End> {
    const settled = new Map(
      [...last].map(([name, s]) => [name, s.outcome === 'blocked' ? (this.#failed.get(name) ?? s) : s] as const),
    );
    const failures = await this.#failuresOf(settled);
    const outcomes = new Set([...settled.values()].map((s) => s.outcome));
    const changed = wireChanges(this.#done).map((change): WireChange => {
      const downtimeMs = this.#downtimes.of(change.service);
      return downtimeMs === undefined ? change : { ...change, downtimeMs };
    });
    const touched = new Set(changed.map((c) => c.service));
    const isWell = (name: string): boolean => settled.get(name)?.outcome === 'converged';
    return {
      type: 'end',
      outcome: worst(outcomes),
      changed,
      unchanged: [...settled.keys()].filter((name) => isWell(name) && !touched.has(name)).toSorted(),
      failures,
      mutatingCalls: this.#o.mutations() - this.#mutationsBefore,
      ms: this.#o.now() - this.#begun,
      operation: this.#o.operation,
    };
  }

  #concerns(service: string): boolean {
    return this.#o.services.has(service);
  }

  /** Steps that the first plan did not have: a way back, or what became possible. */
  #more(service: string, plan: Plan<ServiceSpec>): void {
    const steps = plan.steps.filter((s) => !this.#announced.has(s.id));
    if (!this.#concerns(service) || steps.length === 0) return;
    for (const { id } of steps) this.#announced.add(id);
    this.#o.emit(wirePlan({ steps, blocked: [], unchanged: [] }));
  }

  async #failuresOf(settled: ReadonlyMap<string, Settlement<ServiceSpec>>): Promise<readonly WireFailure[]> {
    const all = [...settled].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const found = await Promise.all(all.map(([service, settlement]) => this.#failureOf(service, settlement)));
    return found.filter((failure) => failure !== undefined);
  }

  async #failureOf(
    service: string,
    { outcome, failed, last, retryMs }: Settlement<ServiceSpec>,
  ): Promise<WireFailure | undefined> {
    const { redact, lastLines } = this.#o;
    const again = retryMs === undefined ? '' : `; tried again in ${Math.ceil(retryMs / 1000)} s`;
    const [first] = failed;
    if (first !== undefined && outcome !== 'converged') {
      const { action } = first.step;
      const lines = 'key' in action ? await lastLines(action.key).catch(() => []) : [];
      return { service, reason: redact(messageOf(first.error)) + again, logs: lines.map(redact) };
    }
    const [open] = last.steps;
    const reasons = last.blocked.flatMap((b) => (b.service === service ? b.reasons : []));
    if (reasons.length === 0 && outcome === 'failed' && open !== undefined)
      reasons.push(`does not come to an end; still to do: ${verbOf(open.action.kind)} (${open.action.reason})`);
    return outcome === 'converged' || reasons.length === 0
      ? undefined
      : { service, reason: redact(reasons.join('; ')) + again, logs: [] };
  }
}

const worst = (outcomes: ReadonlySet<DeployOutcome>): DeployOutcome =>
  (['cancelled', 'failed', 'blocked'] as const).find((outcome) => outcomes.has(outcome)) ?? 'converged';

/** How long nothing of a slot served: from when the one that served was taken out until one is ready again. */
class Downtimes {
  /** Which instance of a slot was ready last. */
  readonly #ready = new Map<string, InstanceKey>();
  readonly #since = new Map<string, number>();
  readonly #lasted = new Map<string, number>();
  readonly #isProven: (key: InstanceKey) => boolean;

  constructor(isProven: (key: InstanceKey) => boolean) {
    this.#isProven = isProven;
  }

  hear(event: Event, now: number): void {
    if (event.type !== 'step.started' && event.type !== 'step.done') return;
    const { action } = event.step;
    if (action.kind !== 'drain' && action.kind !== 'stop' && action.kind !== 'awaitReady') return;
    const slot = action.key.slice(0, action.key.indexOf('@'));
    if (event.type === 'step.started' && action.kind !== 'awaitReady') {
      // Start-first takes the old one out when another is ready; one that never was ready does not count.
      const ready = this.#ready.get(slot);
      const served = ready === undefined ? this.#isProven(action.key) : ready === action.key;
      if (served && !this.#since.has(slot)) this.#since.set(slot, now);
    }
    if (event.type === 'step.done' && action.kind === 'awaitReady') {
      const since = this.#since.get(slot);
      if (since !== undefined)
        this.#lasted.set(action.service, Math.max(this.#lasted.get(action.service) ?? 0, now - since));
      this.#since.delete(slot);
      this.#ready.set(slot, action.key);
    }
  }

  of(service: string): number | undefined {
    return this.#lasted.get(service);
  }
}

/** An end in which some services count as failed, whatever became of them. */
export const withFailures = (end: End, outcome: DeployOutcome, failures: readonly WireFailure[]): End => {
  const isWell = (service: string): boolean => !failures.some((f) => f.service === service);
  return {
    ...end,
    outcome,
    changed: end.changed.filter((c) => isWell(c.service)),
    unchanged: end.unchanged.filter(isWell),
    failures: [...end.failures.filter((f) => isWell(f.service)), ...failures],
  };
};

export const previewEnd = (preview: Plan<ServiceSpec>, ms: number): End => {
  const moving = new Set(preview.steps.map((s) => s.action.service));
  // What waits for a change of this very plan is planned when that is done.
  const stuck = preview.blocked.filter((b) => !b.waitsFor.some((name) => moving.has(name)));
  return {
    type: 'end',
    outcome: stuck.length > 0 ? 'blocked' : 'planned',
    changed: [],
    unchanged: preview.unchanged,
    failures: stuck.map((b) => ({ service: b.service, reason: b.reasons.join('; '), logs: [] })),
    mutatingCalls: 0,
    ms,
  };
};

/** The end of what was refused, or could not be begun. */
export const failedEnd = (outcome: End['outcome'], message: string): End => ({
  type: 'end',
  outcome,
  changed: [],
  unchanged: [],
  failures: [],
  mutatingCalls: 0,
  ms: 0,
  message,
});

/** Why what was called off may still be gone on with. */
export const notWritten = (why: string): string =>
  `called off, but that could not be written down: ${why}; deploy again before the server is restarted`;
