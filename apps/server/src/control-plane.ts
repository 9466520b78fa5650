import { randomUUID } from 'node:crypto';
import {
  ApiError,
  type ClusterStatus,
  type DeployEvent,
  type DeployPlane,
  type DeployRequest,
  type LogLine,
  type LogsRequest,
  type StopRequest,
} from '@orca/api';
import { plan, type DesiredService, type InstanceKey, type Reconciler, type ReconcilerEvent } from '@orca/reconcile';
import type { DockerRuntime } from '@orca/runtime-docker';
import type { ClusterSpec, ServiceSpec } from '@orca/spec';
import type { Accepted } from './accepted.ts';
import { overtaken, promising, takeBack } from './call-off.ts';
import { rivalClaim } from './claims.ts';
import { Deployment, failedEnd, notWritten, previewEnd, withFailures } from './deployment.ts';
import { loadDesired, type Desired, type DesiredPorts } from './desired.ts';
import { EventQueue } from './event-queue.ts';
import { followLogs, lastLines, whoseLogs } from './instance-logs.ts';
import type { Look } from './look.ts';
import { obstacleOf } from './obstacles.ts';
import {
  failedBefore,
  leftAlone,
  overtakenBy,
  removals,
  staysStopped,
  stillToMakeAnew,
  unknownNames,
  type Order,
} from './order.ts';
import { refreshImages } from './refresh-images.ts';
import type { SingleFile } from './single-file.ts';
import { staleReason, staleSecrets } from './stale-secrets.ts';
import { statusOf } from './status.ts';
import { messageOf, wireIssue, wirePlan } from './wire.ts';

export interface ControlPlaneOptions {
  readonly clusterName: string;
  /** Why the server is to be restarted, where cluster.toml has become this since it started. */
  readonly needsRestart: (now: ClusterSpec) => string | undefined;
  readonly version: string;
  readonly root: string;
  readonly desired: DesiredPorts;
  readonly runtime: DockerRuntime;
  readonly accepted: Accepted;
  readonly look: Look;
  readonly loop: Reconciler<ServiceSpec>;
  /** Accepting is short and one at a time; the work itself is the loop's, service by service. */
  readonly orders: SingleFile;
  readonly redact: (text: string) => string;
  readonly mutations: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Why running instances are not well: failing probes, crash loops. */
  readonly troubles: () => ReadonlyMap<InstanceKey, string>;
  /** Told of everything that a deploy tells its caller, for the log. */
  readonly onEvent: (event: DeployEvent) => void;
}

/** The control plane with what the server's own loops tell it. */
export interface ServerPlane extends DeployPlane {
  /** Passes an event of the loop on to the deploys that wait for it. */
  hear(event: ReconcilerEvent<ServiceSpec>): void;
}

type Emit = (event: DeployEvent) => void;
type End = Extract<DeployEvent, { type: 'end' }>;
type Good = Extract<Desired, { ok: true }>;
type Service = DesiredService<ServiceSpec>;

export const createControlPlane = (o: ControlPlaneOptions): ServerPlane => new Plane(o);

class Plane implements ServerPlane {
  readonly #o: ControlPlaneOptions;
  readonly #deployments = new Set<Deployment>();
  /** What the files said when they were last whole. */
  #lastGood: Good | undefined;
  /** Why a service's last run did not end well. */
  readonly #troubles = new Map<string, string>();

  constructor(o: ControlPlaneOptions) {
    this.#o = o;
  }

  deploy(request: DeployRequest, signal: AbortSignal): AsyncIterable<DeployEvent> {
    return this.#told((emit) => this.#deploy(request, emit, signal), signal);
  }

  stop(request: StopRequest, signal: AbortSignal): AsyncIterable<DeployEvent> {
    return this.#told((emit) => this.#stop(request, emit, signal), signal);
  }

  hear(event: ReconcilerEvent<ServiceSpec>): void {
    for (const deployment of this.#deployments) deployment.hear(event);
    if (event.type !== 'settled') return;
    const { service, settlement } = event;
    if (settlement.outcome === 'converged') this.#troubles.delete(service);
    const [failure] = settlement.failed;
    const reasons = settlement.last.blocked.flatMap((b) => b.reasons);
    if (failure !== undefined) this.#troubles.set(service, messageOf(failure.error));
    else if (settlement.outcome === 'blocked' && reasons.length > 0 && !this.#o.accepted.quarantine.has(service))
      this.#troubles.set(service, reasons.join('; '));
  }

  async status(signal: AbortSignal): Promise<ClusterStatus> {
    const [desired, seen] = await Promise.all([
      loadDesired(this.#o.desired, signal),
      this.#o.runtime.details(signal).then(
        (instances) => ({ instances, error: undefined }),
        (error: unknown) => ({ instances: [], error: messageOf(error) }),
      ),
    ]);
    if (desired.ok) this.#lastGood = desired;
    const failures = new Map([...this.#troubles].map(([name, reason]) => [name, this.#o.redact(reason)]));
    for (const [name, { reason }] of this.#o.accepted.quarantine) failures.set(name, this.#o.redact(reason));
    return {
      cluster: this.#o.clusterName,
      version: this.#o.version,
      root: this.#o.root,
      runtimeError: seen.error,
      needsRestart: desired.ok ? this.#o.needsRestart(desired.infra.cluster) : undefined,
      issues: (desired.ok ? desired.warnings : desired.issues).map(wireIssue),
      services:
        seen.error === undefined
          ? statusOf({
              // Files that were never whole since the start do not make what was promised unwanted.
              desired: this.#lastGood?.services ?? this.#o.accepted.services(),
              instances: seen.instances,
              failures,
              quarantined: this.#o.accepted.quarantine,
              troubles: this.#o.troubles(),
              staleSecrets: (name) => this.#staleSecrets(name),
            })
          : [],
    };
  }

  #staleSecrets(name: string): readonly string[] {
    const wanted = this.#lastGood?.services.find((d) => d.spec.name === name);
    return staleSecrets(this.#o.accepted.get(name), wanted?.secretDigests ?? {});
  }

  async *logs(request: LogsRequest, signal: AbortSignal): AsyncIterable<LogLine> {
    // A container prints what it was given, also while the files are broken.
    await this.#o.desired.secrets.refresh().catch(() => undefined);
    const chosen = whoseLogs(await this.#o.runtime.details(signal), request);
    for await (const line of followLogs(this.#o.runtime, chosen, request, signal)) {
      yield { ...line, text: this.#o.redact(line.text) };
    }
  }

  async *#told(task: (emit: Emit) => Promise<End>, signal: AbortSignal): AsyncIterable<DeployEvent> {
    const queue = new EventQueue<DeployEvent>();
    const emit: Emit = (event) => {
      this.#o.onEvent(event);
      queue.push(event);
    };
    const work = task(emit)
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
    const named = request.recreate && request.services !== 'all' ? request.services : [];
    const generations = new Map(named.map((name) => [name, this.#o.accepted.generationOf(name)] as const));
    const first = await this.#load(emit, signal);
    if ('end' in first) return first.end;
    this.#lastGood = first.good;
    if (request.recreate && request.services === 'all')
      return failedEnd('refused', 'name the services that are to be made anew: orca redeploy <service…>');
    const unknown = unknownNames(request.services, first.good.services);
    if (unknown !== undefined) return failedEnd('refused', unknown);
    if (!request.dryRun) {
      await this.#o.runtime.ping(signal);
      // A moved tag must be known before the plan: its new image is part of the revision.
      for (const issue of await refreshImages(first.good.services, request.services, this.#o, signal))
        emit({ type: 'issue', issue });
    }
    // One that is being made anew comes to its end first: then a hundred who ask at once are served by two.
    if (request.recreate && !request.dryRun) {
      this.#sayWaiting(
        named.filter((name) => !this.#o.loop.isSettled(name)),
        emit,
      );
      await this.#o.loop.settled(new Set(named), signal);
    }
    const order = await this.#o.orders.run(async () => {
      // What somebody else made anew since this was asked for is what was asked for.
      const anew = stillToMakeAnew(generations, this.#o.accepted);
      return this.#begun(await this.#order(request, anew, emit, signal), emit);
    });
    return 'end' in order ? order.end : this.#carryOut(order, signal);
  }

  /**
   * Reads the files once more, plans, and promises what they ask for. Nothing else is promised
   * meanwhile. The services of `anew` get an instance of their own, though nothing of them has changed.
   */
  async #order(
    request: DeployRequest,
    anew: ReadonlySet<string>,
    emit: Emit,
    signal: AbortSignal,
  ): Promise<Order | { readonly end: End }> {
    const begun = this.#o.now();
    const loaded = await this.#load(() => undefined, signal, anew);
    if ('end' in loaded) return loaded;
    const { services } = loaded.good;
    const { accepted } = this.#o;
    const named = request.services === 'all' ? undefined : new Set(request.services);
    const isWanted = (d: Service): boolean => named?.has(d.spec.name) ?? true;
    const changeOf = (d: Service): string | undefined =>
      request.recreate ? 'is asked for anew' : staleReason(this.#staleSecrets(d.spec.name));
    const wanted = services.filter(isWanted).map((d) => ({ ...d, change: changeOf(d) }));
    const input = await this.#o.look.gather(signal);
    const isStarted = (d: Service): Service => (named?.has(d.spec.name) === true ? { ...d, isPaused: false } : d);
    const outOfScope = services.filter((d) => !isWanted(d));
    const desired = [
      ...wanted.map(isStarted),
      // What is not deployed now counts as it was last deployed, if it was.
      ...outOfScope.map((d) => accepted.services().find((a) => a.spec.name === d.spec.name) ?? d),
    ].map((d) => ({ ...d, lastGood: accepted.services().find((a) => a.spec.name === d.spec.name)?.lastGood }));
    const left = leftAlone(wanted, { quarantined: accepted.quarantine, observed: input.observed, named });
    const tried = wanted.filter((d) => !left.has(d.spec.name));
    const quarantined = new Map([...accepted.quarantine].filter(([name]) => !tried.some((d) => d.spec.name === name)));
    const preview = plan({
      desired,
      observed: input.observed,
      memory: { ...input.memory, quarantined },
      allowMassRemoval: request.allowMassRemoval,
      ...(named === undefined ? {} : { scope: named }),
    });
    const guarded = preview.blocked.filter((b) => !desired.some((d) => d.spec.name === b.service));
    const removed = guarded.length > 0 ? [] : removals(preview.steps, desired, accepted, named);
    const names = new Set([...wanted.map((d) => d.spec.name as string), ...removed]);
    const rival = rivalClaim(
      wanted,
      accepted.services().filter((d) => !names.has(d.spec.name)),
    );
    if (rival !== undefined) return { end: failedEnd('refused', rival) };
    for (const issue of [...failedBefore(wanted, accepted.quarantine, left), ...staysStopped(wanted, named)])
      emit({ type: 'issue', issue: { ...issue, message: this.#o.redact(issue.message) } });
    if (input.observed.kind === 'unknown' || request.dryRun) {
      emit(wirePlan(preview));
      return { end: previewEnd(preview, this.#o.now() - begun) };
    }
    const staying = accepted.services().filter((d) => !d.isPaused && !names.has(d.spec.name));
    const place = { runtime: this.#o.runtime, seen: this.#o.look.seen(), staying, files: services };
    const obstacle = await obstacleOf(preview, wanted, place);
    if (obstacle !== undefined) return { end: failedEnd('refused', obstacle) };
    const changed = wanted.filter((d) => accepted.get(d.spec.name)?.revision !== d.revision).map((d) => d.spec.name);
    const deployment = this.#deployment(names, emit);
    // Written down before the first action: a control plane that dies now goes on with it when it is back.
    const before = await promising(accepted, names, (draft) => {
      draft.bump(anew);
      draft.accept(wanted, deployment.operation);
      draft.remove(removed);
      for (const name of named ?? []) draft.setPaused(name, false);
      draft.tryAgain(tried.map((d) => d.spec.name));
    });
    this.#lastGood = loaded.good;
    this.#deployments.add(deployment);
    deployment.announce(preview);
    this.#fetchAhead(wanted, preview.steps, signal);
    return { deployment, names, supersede: changed, before, guarded };
  }

  /** What waits for its dependencies need not wait for its image as well; a failure shows in its own step. */
  #fetchAhead(
    wanted: readonly Service[],
    steps: readonly { readonly action: { readonly kind: string; readonly service: string } }[],
    signal: AbortSignal,
  ): void {
    const missing = new Set(steps.flatMap(({ action }) => (action.kind === 'prepare' ? [action.service] : [])));
    for (const { spec } of wanted) {
      if (spec.dependsOn.length === 0 || !missing.has(spec.name)) continue;
      void this.#o.runtime.prepare(spec, signal).catch(() => undefined);
    }
  }

  /** Tells the loop, before anybody else promises anything: whoever waits for the services to settle waits for this too. */
  #begun<T extends Order | { readonly end: End }>(order: T, emit: Emit): T {
    if ('end' in order) return order;
    this.#sayWaiting(
      [...order.names].filter((name) => this.#o.loop.isUnderWay(name)),
      emit,
    );
    this.#o.loop.supersede(order.supersede);
    this.#o.loop.request(order.names);
    return order;
  }

  /** Steps that began before are not told again: without this a long one would look like nothing at all. */
  #sayWaiting(services: readonly string[], emit: Emit): void {
    if (services.length > 0) emit({ type: 'waiting', services: services.toSorted() });
  }

  async #carryOut(order: Order, signal: AbortSignal): Promise<End> {
    const { deployment, names, guarded } = order;
    try {
      const settled = await this.#o.loop.settled(names, signal);
      const lost = overtaken(order.before, this.#o.accepted);
      const end = await deployment.end(settled);
      if (lost.length > 0) return withFailures(end, 'failed', lost.map(overtakenBy));
      if (guarded.length === 0) return end;
      const failures = guarded.map((b) => ({ service: b.service, reason: b.reasons.join('; '), logs: [] }));
      return withFailures(end, end.outcome === 'converged' ? 'blocked' : end.outcome, failures);
    } catch (error) {
      if (!signal.aborted) throw error;
      return await this.#callOff(order);
    } finally {
      this.#deployments.delete(deployment);
    }
  }

  /** Whoever asked for the deploy called it off: what did not settle goes back to what was promised before. */
  async #callOff({ deployment, names, before }: Order): Promise<End> {
    const { accepted, loop, look } = this.#o;
    const { names: undone, fault } = await this.#o.orders.run(() => {
      const open = [...names].filter((name) => !loop.isSettled(name));
      return takeBack(before, open, { accepted, seen: look.seen() });
    });
    loop.supersede(undone);
    // Also what waits for its next try: the way back need not.
    loop.request(undone);
    const end: End = { ...(await deployment.end(new Map())), outcome: 'cancelled' };
    return fault === undefined ? end : { ...end, message: notWritten(this.#o.redact(messageOf(fault))) };
  }

  async #stop(request: StopRequest, emit: Emit, signal: AbortSignal): Promise<End> {
    const desired = await loadDesired(this.#o.desired, signal);
    if (desired.ok) this.#lastGood = desired;
    const { accepted } = this.#o;
    // Stopping must work with a broken config as well.
    const known = new Map<string, DesiredService<ServiceSpec>>(
      (this.#lastGood?.services ?? []).map((d) => [d.spec.name as string, d]),
    );
    for (const d of accepted.services()) known.set(d.spec.name, d);
    if (known.size === 0 && !desired.ok)
      throw new ApiError(409, 'the config has errors, and no earlier version of it is known to this server');
    const names = request.services === 'all' ? [...known.keys()] : request.services;
    const unknown = unknownNames(names, [...known.values()]);
    if (unknown !== undefined) return failedEnd('refused', unknown);
    await this.#o.runtime.ping(signal);
    const order = await this.#o.orders.run(async (): Promise<Order> => {
      const { observed, memory } = await this.#o.look.gather(signal);
      const before = await promising(accepted, names, (draft) => {
        const isNew = (name: string): boolean => draft.get(name).record === undefined;
        draft.accept(names.filter(isNew).flatMap((name) => known.get(name) ?? []));
        for (const name of names) draft.setPaused(name, true);
      });
      const scope = new Set(names);
      const deployment = this.#deployment(scope, emit);
      this.#deployments.add(deployment);
      const quarantined = accepted.quarantine;
      deployment.announce(plan({ desired: accepted.services(), observed, memory: { ...memory, quarantined }, scope }));
      return this.#begun({ deployment, names: scope, supersede: names, before, guarded: [] }, emit);
    });
    return this.#carryOut(order, signal);
  }

  #deployment(services: ReadonlySet<string>, emit: Emit): Deployment {
    const { redact, mutations, now, runtime, look } = this.#o;
    return new Deployment({
      operation: randomUUID(),
      services,
      emit,
      redact,
      mutations,
      now,
      lastLines: (key) => lastLines(runtime, key),
      isProven: (key) => look.seen().some((i) => i.key === key && i.stage === 'current'),
    });
  }

  async #load(
    emit: Emit,
    signal: AbortSignal,
    anew: ReadonlySet<string> = new Set(),
  ): Promise<{ readonly good: Good } | { readonly end: End }> {
    const { accepted, desired: ports } = this.#o;
    const generationOf = (name: string): number => accepted.generationOf(name) + (anew.has(name) ? 1 : 0);
    const desired = await loadDesired({ ...ports, generationOf }, signal);
    for (const issue of desired.ok ? desired.warnings : desired.issues)
      emit({ type: 'issue', issue: wireIssue(issue) });
    if (!desired.ok) return { end: failedEnd('refused', 'the config has errors; nothing was changed') };
    const message = this.#o.needsRestart(desired.infra.cluster);
    if (message !== undefined)
      emit({ type: 'issue', issue: { severity: 'warning', file: 'cluster.toml', line: 1, col: 1, path: '', message } });
    return { good: desired };
  }
}
