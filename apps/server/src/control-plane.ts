import {
  ApiError,
  type ClusterStatus,
  type ControlPlane,
  type DeployEvent,
  type DeployRequest,
  type LogLine,
  type LogsRequest,
  type StopRequest,
} from '@orca/api';
import type { DesiredService, InstanceKey, PlanInput, Ports } from '@orca/reconcile';
import type { DockerRuntime } from '@orca/runtime-docker';
import type { ServiceSpec } from '@orca/spec';
import { isMutable, loadDesired, type Desired, type DesiredPorts } from './desired.ts';
import { previewDeployment, runDeployment, type DeploymentPorts, type Quarantine } from './deployment.ts';
import { EventQueue } from './event-queue.ts';
import { followLogs, lastLines } from './instance-logs.ts';
import type { Records } from './records.ts';
import type { ProxyRouter } from './router.ts';
import { SingleFile } from './single-file.ts';
import { statusOf } from './status.ts';
import { messageOf, wireIssue } from './wire.ts';

export interface ControlPlaneOptions {
  readonly clusterName: string;
  readonly version: string;
  readonly root: string;
  readonly desired: DesiredPorts;
  readonly runtime: DockerRuntime;
  readonly router: ProxyRouter;
  readonly reconcile: Ports<ServiceSpec>;
  readonly records: Records;
  readonly redact: (text: string) => string;
  readonly mutations: () => number;
  /** Running instances that fail their liveness probe. */
  readonly unhealthy: () => ReadonlyMap<InstanceKey, string>;
  /** Told of everything that a deploy tells its caller, for the log. */
  readonly onEvent: (event: DeployEvent) => void;
}

type Emit = (event: DeployEvent) => void;
type End = Extract<DeployEvent, { type: 'end' }>;
type Good = Extract<Desired, { ok: true }>;

/** One way in: whoever wants the world changed waits in the same file. */
export const createControlPlane = (o: ControlPlaneOptions): ServerPlane => new Plane(o);

/** The control plane with what the server's own loops need of it. */
export interface ServerPlane extends ControlPlane {
  /** Runs a task in file with deploys, so that the two never touch an instance at the same time. */
  exclusive<T>(task: () => Promise<T>): Promise<T>;
  /** The services as their files last said when they were whole. */
  specs(): ReadonlyMap<string, ServiceSpec>;
}

class Plane implements ServerPlane {
  readonly #o: ControlPlaneOptions;
  readonly #file = new SingleFile();
  readonly #quarantine: Quarantine = new Map();
  /** What the files said when they were last whole. */
  #lastGood: Good | undefined;

  constructor(o: ControlPlaneOptions) {
    this.#o = o;
  }

  deploy(request: DeployRequest, signal: AbortSignal): AsyncIterable<DeployEvent> {
    return this.#inFile((emit) => this.#deploy(request, emit, signal), signal);
  }

  stop(request: StopRequest, signal: AbortSignal): AsyncIterable<DeployEvent> {
    return this.#inFile((emit) => this.#stop(request, emit, signal), signal);
  }

  exclusive<T>(task: () => Promise<T>): Promise<T> {
    return this.#file.run(task);
  }

  specs(): ReadonlyMap<string, ServiceSpec> {
    return new Map((this.#lastGood?.services ?? []).map((d) => [d.spec.name, d.spec]));
  }

  async status(signal: AbortSignal): Promise<ClusterStatus> {
    const desired = await loadDesired(this.#o.desired, signal);
    if (desired.ok) this.#lastGood = desired;
    const seen = await this.#o.runtime.details(signal).then(
      (instances) => ({ instances, error: undefined }),
      (error: unknown) => ({ instances: [], error: messageOf(error) }),
    );
    const failures = new Map([...this.#quarantine].map(([name, { reason }]) => [name, this.#o.redact(reason)]));
    return {
      cluster: this.#o.clusterName,
      version: this.#o.version,
      root: this.#o.root,
      runtimeError: seen.error,
      issues: (desired.ok ? desired.warnings : desired.issues).map(wireIssue),
      services:
        seen.error === undefined
          ? statusOf({
              desired: this.#lastGood?.services ?? [],
              instances: seen.instances,
              failures,
              unhealthy: this.#o.unhealthy(),
            })
          : [],
    };
  }

  async *logs(request: LogsRequest, signal: AbortSignal): AsyncIterable<LogLine> {
    const instances = (await this.#o.runtime.details(signal)).filter((i) => i.service === request.service);
    if (instances.length === 0)
      throw new ApiError(404, `${request.service} has no container; deploy it first: orca deploy ${request.service}`);
    // A failed candidate's lines are what the reader of a broken first deploy looks for.
    const current = instances.filter((i) => i.stage === 'current');
    const chosen = current.length > 0 ? current : instances;
    for await (const line of followLogs(this.#o.runtime, chosen, request, signal)) {
      yield { ...line, text: this.#o.redact(line.text) };
    }
  }

  async *#inFile(task: (emit: Emit) => Promise<End>, signal: AbortSignal): AsyncIterable<DeployEvent> {
    const queue = new EventQueue<DeployEvent>();
    const emit: Emit = (event) => {
      this.#o.onEvent(event);
      queue.push(event);
    };
    const work = this.#file
      .run(() => task(emit))
      .catch((error: unknown) => failedEnd(signal.aborted ? 'cancelled' : 'failed', this.#o.redact(messageOf(error))))
      .then((end) => {
        emit(end);
        queue.end();
      });
    yield* queue;
    await work;
  }

  async #deploy(request: DeployRequest, emit: Emit, signal: AbortSignal): Promise<End> {
    if (request.root !== undefined && request.root !== this.#o.root) {
      return failedEnd(
        'refused',
        `this server serves ${this.#o.root}, and you are in ${request.root}; change there, or run a server here`,
      );
    }
    const desired = await loadDesired(this.#o.desired, signal);
    for (const issue of desired.ok ? desired.warnings : desired.issues)
      emit({ type: 'issue', issue: wireIssue(issue) });
    if (!desired.ok) return failedEnd('refused', 'the config has errors; nothing was changed');
    this.#lastGood = desired;
    const unknown = unknownNames(request.services, desired.services);
    if (unknown !== undefined) return failedEnd('refused', unknown);
    const scope = request.services === 'all' ? undefined : new Set(request.services);
    if (request.dryRun) return previewDeployment(this.#deployment(scope, request), emit, signal);
    await this.#o.runtime.ping(signal);
    // Asking for a service by name is also asking to start it again, and to try again what failed.
    for (const name of scope ?? []) await this.#o.records.setPaused(name, false);
    for (const { spec } of desired.services) if (scope?.has(spec.name) ?? true) this.#quarantine.delete(spec.name);
    await this.#refreshImages(desired.services, scope, signal);
    return runDeployment(this.#deployment(scope, request), emit, signal);
  }

  async #stop(request: StopRequest, emit: Emit, signal: AbortSignal): Promise<End> {
    const desired = await this.#desiredOrLast(signal);
    const all = desired.services.map((d) => d.spec.name as string);
    const names = request.services === 'all' ? all : request.services;
    const unknown = unknownNames(names, desired.services);
    if (unknown !== undefined) return failedEnd('refused', unknown);
    await this.#o.runtime.ping(signal);
    for (const name of names) await this.#o.records.setPaused(name, true);
    return runDeployment(this.#deployment(new Set(names), undefined), emit, signal);
  }

  /** Stopping must work with a broken config as well. */
  async #desiredOrLast(signal: AbortSignal): Promise<Good> {
    const desired = await loadDesired(this.#o.desired, signal);
    if (desired.ok) this.#lastGood = desired;
    const good = desired.ok ? desired : this.#lastGood;
    if (good === undefined)
      throw new ApiError(409, 'the config has errors, and no earlier version of it is known to this server');
    return good;
  }

  /** A moved tag must be known before the plan: its new image is part of the revision. */
  async #refreshImages(
    services: readonly DesiredService<ServiceSpec>[],
    scope: ReadonlySet<string> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const mutable = services.filter((d) => isMutable(d.spec) && !d.isPaused && (scope?.has(d.spec.name) ?? true));
    // A failed pull shows in the plan's own `prepare` step, with its reason, if the image is needed.
    await Promise.all(mutable.map((d) => this.#o.runtime.prepare(d.spec, signal).catch(() => undefined)));
  }

  #deployment(scope: ReadonlySet<string> | undefined, request: DeployRequest | undefined): DeploymentPorts {
    const { runtime, reconcile, redact, mutations } = this.#o;
    return {
      reconcile,
      redact,
      mutations,
      quarantine: this.#quarantine,
      lastLines: (key) => lastLines(runtime, key),
      gather: (signal) => this.#gather(scope, request?.allowMassRemoval ?? false, signal),
    };
  }

  async #gather(
    scope: ReadonlySet<string> | undefined,
    allowMassRemoval: boolean,
    signal: AbortSignal,
  ): Promise<Omit<PlanInput<ServiceSpec>, 'memory'>> {
    const desired = await this.#desiredOrLast(signal);
    const base = { desired: desired.services, allowMassRemoval, ...(scope === undefined ? {} : { scope }) };
    try {
      const instances = await this.#o.runtime.observe(signal);
      return { ...base, observed: { kind: 'known', instances, routed: this.#routed(desired.services) } };
    } catch (error) {
      signal.throwIfAborted();
      return { ...base, observed: { kind: 'unknown', reason: messageOf(error) } };
    }
  }

  /** An instance of the wanted revision counts as routed only under the domain that is wanted now. */
  #routed(services: readonly DesiredService<ServiceSpec>[]): ReadonlySet<InstanceKey> {
    const byName = new Map(services.map((d) => [d.spec.name as string, d]));
    return new Set(
      [...this.#o.router.routed()].filter((key) => {
        const wanted = byName.get(key.slice(0, key.indexOf('/')));
        if (wanted === undefined || !wanted.isRouted || !key.endsWith(`@${wanted.revision}`)) return true;
        return this.#o.router.isRoutedAs(key, wanted.spec.route);
      }),
    );
  }
}

const failedEnd = (outcome: End['outcome'], message: string): End => ({
  type: 'end',
  outcome,
  changed: [],
  unchanged: [],
  failures: [],
  mutatingCalls: 0,
  ms: 0,
  message,
});

const unknownNames = (
  asked: readonly string[] | 'all',
  services: readonly DesiredService<ServiceSpec>[],
): string | undefined => {
  if (asked === 'all') return undefined;
  const known = services.map((d) => d.spec.name as string);
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length === 0) return undefined;
  return `no such service: ${unknown.join(', ')} (there are: ${known.join(', ') || 'none'})`;
};
