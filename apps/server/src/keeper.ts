import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { createReconciler, type Clock, type InstanceKey, type Reconciler, type ReconcilerEvent } from '@orca/reconcile';
import type { AttachedProxy } from '@orca/proxy/process';
import {
  checkHttp,
  createDockerRuntime,
  createProber,
  type DockerRuntime,
  type EngineEvent,
  type InstanceDetails,
} from '@orca/runtime-docker';
import type { ClusterSpec, ServiceSpec } from '@orca/spec';
import type { Logger } from 'pino';
import { openAccepted, type Accepted } from './accepted.ts';
import type { WantedDomains } from './certificates/certificates.ts';
import { createControlPlane, type ServerPlane } from './control-plane.ts';
import { Crashes } from './crashes.ts';
import { loadDesired } from './desired.ts';
import { EngineEvents } from './engine-events.ts';
import { ImageCollector, type ImageRecords } from './image-collector.ts';
import { Liveness } from './liveness.ts';
import { logCrash, logDeploy, logEngine, logLiveness, logLoop } from './log-events.ts';
import { createLook } from './look.ts';
import type { ProxyParts } from './proxy-state.ts';
import type { Records } from './records.ts';
import type { DeclaredRoute } from './route-table.ts';
import { createProxyRouter } from './router.ts';
import { createSecretRotation } from './secret-rotation.ts';
import type { SecretAccess } from './secret-access.ts';
import type { FileGuards } from './secret-guards.ts';
import { SingleFile } from './single-file.ts';
import { withSettledStop } from './settled-stop.ts';
import { messageOf } from './wire.ts';

export interface KeeperOptions {
  readonly root: string;
  readonly cluster: ClusterSpec;
  /** Why the server is to be restarted, where cluster.toml has become this since. */
  readonly needsRestart: (now: ClusterSpec) => string | undefined;
  readonly version: string;
  readonly resyncMs: number;
  readonly secrets: SecretAccess;
  readonly guards: FileGuards;
  /** Where files with secrets may lie, instead of the usual places. */
  readonly secretDirs: readonly string[] | undefined;
  readonly records: Records;
  readonly images: ImageRecords;
  readonly proxy: AttachedProxy;
  readonly proxyParts: ProxyParts;
  readonly log: Logger;
  /** Told when the services that are kept, and so their domains, may be others. */
  readonly onDomains: () => void;
}

/** Keeps what was deployed true: the loop, the probes and the engine's events, put together. */
export interface Keeper {
  readonly plane: ServerPlane;
  /** Takes over what runs, and begins; resolves after the first look. */
  start(): Promise<void>;
  /** Domains of the services that are kept. */
  domains(): readonly WantedDomains[];
  /** Hosts whose certificate is good. */
  setHttpsHosts(hosts: readonly string[]): Promise<void>;
  /** When the loop last finished a look at the world, by `now`. */
  lastProgressAt(): number;
  /** Lets what is under way come to a safe point; workloads stay. */
  stop(): Promise<void>;
}

const defaultDrainMs = 30_000;
const tickMs = 1_000;
/** One change makes several events; a pause this short is not felt by anybody. */
const eventPauseMs = 200;
/** What is under way when the server is asked to end may take a little longer; the next start goes on with it. */
const stopWithinMs = 5_000;

const clock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(Math.min(ms, 2 ** 31 - 1), undefined, { signal }),
};

export const createKeeper = async (o: KeeperOptions): Promise<Keeper> => {
  const { root, cluster, secrets, records, log } = o;
  const accepted = await openAccepted(records, () => {
    router.redeclare();
    o.onDomains();
  });
  const now = (): number => clock.now();
  let mutations = 0;
  const runtime = createDockerRuntime({
    cluster: cluster.name,
    env: {
      render: (spec) => secrets.render(spec),
      filesOf: async (service, revision) => {
        const spec = accepted.specOf(service, revision);
        return spec && secrets.files(spec);
      },
    },
    ...(o.secretDirs === undefined ? {} : { secretDirs: o.secretDirs }),
    imageOf: (key) => accepted.imageOf(key),
    operationOf: (key) => accepted.operationOf(key),
    onMutation: (call) => {
      mutations += 1;
      log.debug({ call }, 'engine');
    },
    onWarning: (message) => log.warn(secrets.redact(message)),
    onPulled: (pulled) => void images.pulled(pulled).catch(notRecorded),
    isHeld: (key) => crashes.isHeld(key),
  });
  const notRecorded = (error: unknown): void =>
    log.error({ reason: messageOf(error) }, 'a record could not be written');
  const images = new ImageCollector({
    records: o.images,
    runtime,
    specs: () => accepted.services().flatMap((d) => [d.spec, ...(d.lastGood === undefined ? [] : [d.lastGood.spec])]),
    now,
    youngMs: 2 * o.resyncMs,
    onRemoved: (removed) => log.info(removed, 'removed an image that no service needs any more'),
  });
  const router = createProxyRouter({
    proxy: {
      replace: async (table) => void (await o.proxyParts.put({ table })),
      drain: (key, options) => o.proxy.drain(key, options),
    },
    defaultDrainMs,
    declared: () => declaredRoutes(accepted),
    stickyKey: await records.stickyKey(),
    httpsHosts: o.proxy.found.table.httpsHosts ?? [],
    onFault: (message) => log.error(message),
    addressOf: (key) => runtime.addressOf(key),
    record: (key, route) => records.setRoute(key, route),
  });
  const userAgent = `orca-probe/${o.version}`;
  const liveness = new Liveness({
    check: (i, probe) =>
      i.address === undefined
        ? Promise.resolve({ isOk: false, reason: 'has no address on its network' })
        : checkHttp(i.address, probe, userAgent),
    now,
    wallNow: () => Date.now(),
    onEvent: (event) => {
      logLiveness(log, event);
      if (event.type !== 'ailing') return;
      const service = event.key.slice(0, event.key.indexOf('/'));
      // After a restart that did not help, the loop still waits for it to become ready: it need not wait on.
      if (awaited.get(service) === event.key) loop.supersede([service]);
      else loop.trigger([service]);
    },
  });
  /** Proven instances whose readiness is being waited for, by service. */
  const awaited = new Map<string, InstanceKey>();
  const crashes = new Crashes({
    now,
    onEvent: (event) => {
      logCrash(log, event);
      if (event.type !== 'crashed') loop.trigger([event.key.slice(0, event.key.indexOf('/'))]);
    },
  });
  const desired = {
    root,
    secrets,
    guards: o.guards,
    images: runtime,
    isPaused: (name: string) => accepted.isPaused(name),
    generationOf: (name: string) => accepted.generationOf(name),
  };
  const look = createLook({
    runtime,
    router,
    accepted,
    liveness,
    crashes,
    records,
    desired: async (signal) => {
      const loaded = await loadDesired(desired, signal);
      return loaded.ok ? loaded.services : [];
    },
    onAdopted: (running, routed) => log.info({ running, routed }, 'took over what already runs'),
  });
  const loop: Reconciler<ServiceSpec> = createReconciler<ServiceSpec>({
    ports: {
      runtime: withSettledStop(runtime, router),
      router,
      now,
      prober: createProber({ runtime, now, userAgent }),
    },
    clock,
    gather: (signal) => look.gather(signal),
    quarantine: accepted.quarantine,
    random: () => Math.random(),
    resyncMs: o.resyncMs,
    onEvent: (event) => {
      logLoop(log, (text) => secrets.redact(text), event);
      learn(event, { accepted, liveness, images, seen: () => look.seen() }, notRecorded);
      if (event.type === 'resynced') void collectImages();
      if ('step' in event && event.step.action.kind === 'awaitReady' && !event.step.action.isReplacement) {
        const { service, key } = event.step.action;
        if (event.type === 'step.started') awaited.set(service, key);
        else awaited.delete(service);
      }
      plane.hear(event);
    },
  });
  /** Deploys, stops and what changed secrets ask for. */
  const orders = new SingleFile();
  const plane = createControlPlane({
    clusterName: cluster.name,
    needsRestart: o.needsRestart,
    version: o.version,
    root,
    runtime,
    accepted,
    look,
    loop,
    orders,
    desired,
    now,
    redact: (text) => secrets.redact(text),
    mutations: () => mutations,
    troubles: () => new Map([...liveness.unhealthy(), ...crashes.loops()]),
    onEvent: (event) => logDeploy(log, event),
  });
  const events = new EngineEvents({
    pauseMs: eventPauseMs,
    onServices: (services) => loop.trigger([...services].filter((name) => accepted.scope().has(name))),
    onMissed: () => void loop.resync(),
  });
  /** Events of networks name the container only. */
  const named = (event: EngineEvent): EngineEvent =>
    event.type === 'changed' && event.service === undefined
      ? { ...event, service: look.seen().find((i) => i.containerId === event.containerId)?.service }
      : event;
  const hear = (heard: EngineEvent): void => {
    const event = named(heard);
    logEngine(log, event);
    crashes.hear(event);
    if (event.type === 'changed' && endings.has(event.action)) look.unreachable(event.containerId);
    events.hear(event);
  };

  /** Not while it is under way: a slow disk may take longer than the time between two looks. */
  let isCollecting = false;
  const collectImages = async (): Promise<void> => {
    if (isCollecting) return;
    isCollecting = true;
    try {
      await images.collect(stopping.signal);
    } catch (error) {
      if (!stopping.signal.aborted) log.warn({ reason: messageOf(error) }, 'images could not be tidied; tries again');
    } finally {
      isCollecting = false;
    }
  };

  const rotation = createSecretRotation({
    accepted,
    orders,
    secrets,
    images: runtime,
    stamp: () => o.guards.stamp(),
    recorded: async (name) => (await records.load()).get(name)?.record?.spec,
    onRedeploy: (service, changed, operation) => {
      log.info({ service, secrets: changed, operation }, 'a secret changed, and auto_redeploy asks for a new instance');
      loop.supersede([service]);
      loop.request(new Set([service]));
    },
  });
  let rotating: Promise<void> | undefined;
  const lookForRotation = (): void => {
    rotating ??= rotation
      .look(stopping.signal)
      .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'changed secrets could not be looked at'))
      .finally(() => (rotating = undefined));
  };

  const stopping = new AbortController();
  let ticking: NodeJS.Timeout | undefined;
  return {
    plane,
    domains: () => accepted.services().flatMap(({ spec }) => domainsOf(spec)),
    setHttpsHosts: (hosts) => router.setHttpsHosts(hosts),
    lastProgressAt: () => loop.lastResyncAt(),
    start: async () => {
      await reportEngine(runtime, log);
      await loop.resync();
      loop.start();
      void runtime.watch(hear, stopping.signal);
      const specs = (): ReadonlyMap<string, ServiceSpec> =>
        new Map(accepted.services().flatMap((d) => (d.isPaused ? [] : [[d.spec.name, d.spec]])));
      ticking = setInterval(() => {
        liveness.tick(look.seen(), specs());
        crashes.tick();
        lookForRotation();
      }, tickMs);
    },
    stop: async () => {
      clearInterval(ticking);
      events.stop();
      stopping.abort();
      const late = sleep(stopWithinMs, undefined, { ref: false });
      await Promise.race([loop.stop(), late]);
    },
  };
};

const declaredRoutes = (accepted: Accepted): readonly DeclaredRoute[] =>
  accepted.services().flatMap(({ spec, isPaused }) => {
    const { name, route } = spec;
    return route === undefined ? [] : [{ service: name, route, isStopped: isPaused }];
  });

const domainsOf = ({ route }: ServiceSpec): readonly WantedDomains[] =>
  route === undefined ? [] : [{ domains: route.domains, tls: route.tls }];

/** After these nobody answers at the container's address, or soon somebody else does. */
const endings: ReadonlySet<string> = new Set(['die', 'pause', 'disconnect', 'destroy']);

interface Learners {
  readonly accepted: Accepted;
  readonly liveness: Liveness;
  readonly images: ImageCollector;
  readonly seen: () => readonly InstanceDetails[];
}

/** What the end of a run, or a step of it, tells those who keep records. */
const learn = (
  event: ReconcilerEvent<ServiceSpec>,
  { accepted, liveness, images, seen }: Learners,
  failed: (error: unknown) => void,
): void => {
  if (event.type === 'step.done' && event.step.action.kind === 'start') liveness.restarted(event.step.action.key);
  if (event.type !== 'settled' || event.settlement.outcome !== 'converged') return;
  const { service } = event;
  const record = accepted.get(service);
  if (record === undefined) {
    // The promise last: while it is there, what is left of the service is not forgotten.
    images
      .forget(service)
      .then(() => accepted.promise((draft) => draft.forget(service)))
      .catch(failed);
  } else if (!accepted.isPaused(service)) {
    accepted.promise((draft) => draft.markGood(service)).catch(failed);
    const proven = seen().find((i) => i.service === service && i.stage === 'current' && i.revision === record.revision);
    if (proven !== undefined) images.proven(service, proven.imageId).catch(failed);
  }
};

const reportEngine = async (runtime: DockerRuntime, log: Logger): Promise<void> => {
  try {
    const engine = await runtime.ping(AbortSignal.timeout(5_000));
    log.info(engine, 'container engine');
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'container engine does not answer; deploys are refused until it does');
  }
};
