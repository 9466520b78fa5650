import type { ServiceHealth, ServiceStatus } from '@orca/api';
import type { DesiredService, InstanceKey } from '@orca/reconcile';
import { exitWords, starvedWords, type InstanceDetails } from '@orca/runtime-docker';
import type { ServiceSpec } from '@orca/spec';

export interface StatusInput {
  readonly desired: readonly DesiredService<ServiceSpec>[];
  readonly instances: readonly InstanceDetails[];
  /** Why the last try of a service failed, for those whose last try did. */
  readonly failures: ReadonlyMap<string, string>;
  /** Failed revisions, which are not tried again on their own. */
  readonly quarantined: ReadonlyMap<string, { readonly revision: string }>;
  /** Instances that are not well though they may run: failing probes, crash loops. */
  readonly troubles: ReadonlyMap<InstanceKey, string>;
  /** Secrets of a service that changed since it was deployed. */
  readonly staleSecrets: (service: string) => readonly string[];
}

/** The state of every service, desired or still there, in the order of their names. */
export const statusOf = ({
  desired,
  instances,
  failures,
  quarantined,
  troubles,
  staleSecrets,
}: StatusInput): readonly ServiceStatus[] => {
  const wanted = desired.map((d) => {
    const own = instances.filter((i) => i.service === d.spec.name);
    const sick = own.map((i) => troubles.get(i.key)).find((reason) => reason !== undefined);
    return serviceStatus(d, own, {
      failure: d.isPaused ? failures.get(d.spec.name) : (sick ?? failures.get(d.spec.name)),
      isCrashLoop: sick?.startsWith('crash loop') === true,
      isQuarantined: quarantined.has(d.spec.name),
      stale: staleSecrets(d.spec.name),
    });
  });
  const names = new Set(desired.map((d) => d.spec.name as string));
  const extra = [...new Set(instances.map((i) => i.service))].filter((name) => !names.has(name));
  const unwanted = extra.map((name) =>
    leftover(
      name,
      instances.filter((i) => i.service === name),
    ),
  );
  return [...wanted, ...unwanted].sort((a, b) => (a.name < b.name ? -1 : 1));
};

const serviceStatus = (
  { spec, revision, isPaused }: DesiredService<ServiceSpec>,
  own: readonly InstanceDetails[],
  { failure, isCrashLoop, isQuarantined, stale }: Trouble,
): ServiceStatus => {
  const running = own.filter((i) => i.status === 'running' && i.stage === 'current' && !i.restarting);
  const isCurrent = running.filter((i) => i.revision === revision).length === spec.replicas;
  const view = { spec, own, running: running.length, failure, isPaused, isCrashLoop, isQuarantined, stale };
  return {
    name: spec.name,
    project: spec.project,
    image: imagesOf(running) ?? spec.image,
    status: healthOf(view),
    desiredReplicas: spec.replicas,
    runningReplicas: running.length,
    domains: spec.route?.domains ?? [],
    dependsOn: spec.dependsOn,
    upToDate: isPaused || isCurrent,
    paused: isPaused,
    staleSecrets: stale,
    startedAt: running.map((i) => i.startedAt).find((at) => at !== undefined),
    lastFailure: withHint(spec.name, failure ?? (isPaused ? undefined : trouble(own)), own),
  };
};

/** What runs, and not what the files ask for: the two differ before a deploy, and after one that went back. */
const imagesOf = (running: readonly InstanceDetails[]): string | undefined => {
  const names = new Set(
    running.map(({ image }) => (image.startsWith('sha256:') ? image.slice(0, shortIdLength) : image)),
  );
  return names.size === 0 ? undefined : [...names].toSorted().join(', ');
};

/** As the engine's own lists show an id. */
const shortIdLength = 'sha256:'.length + 12;

/** What failed beside what runs is stopped but kept: its output is what the reader needs next. */
const withHint = (name: string, failure: string | undefined, own: readonly InstanceDetails[]): string | undefined => {
  const isKept = own.some((i) => i.stage === 'candidate' && i.status === 'exited');
  const isHidden = own.some((i) => i.stage === 'current');
  return failure !== undefined && isKept && isHidden ? `${failure} (see: orca logs ${name} --failed)` : failure;
};

interface Trouble {
  readonly failure: string | undefined;
  readonly isCrashLoop: boolean;
  readonly isQuarantined: boolean;
  readonly stale: readonly string[];
}

interface HealthView extends Trouble {
  readonly spec: ServiceSpec;
  readonly own: readonly InstanceDetails[];
  readonly running: number;
  readonly isPaused: boolean;
}

/** Ordered rules, first match wins. */
const healthOf = (v: HealthView): ServiceHealth => {
  const { spec, own, running, failure } = v;
  if (v.isPaused) return running === 0 ? 'stopped' : 'degraded';
  if (spec.replicas === 0 && running === 0 && failure === undefined) return 'stopped';
  if (v.isCrashLoop) return 'crash_loop';
  if (v.isQuarantined && running >= spec.replicas) return 'rolled_back';
  if (running >= spec.replicas) return failure === undefined ? 'running' : 'degraded';
  if (running > 0) return 'degraded';
  if (failure !== undefined || own.some((i) => i.restarting)) return 'failed';
  if (own.some((i) => i.stage === 'candidate' && i.status === 'running')) return 'starting';
  return own.length === 0 ? 'missing' : 'failed';
};

/** What the containers themselves tell when nothing was recorded. */
const trouble = (own: readonly InstanceDetails[]): string | undefined => {
  const i = own.find((x) => x.stage === 'current' && (x.restarting || x.status === 'exited'));
  if (i === undefined) return undefined;
  if (i.oomKilled) return starvedWords(i.memoryLimit);
  const code = i.exitCode === undefined ? '' : ` with ${exitWords(i.exitCode)}`;
  return i.restarting ? `keeps restarting (exited${code}, ${i.restartCount} restarts)` : `exited${code}`;
};

const leftover = (name: string, own: readonly InstanceDetails[]): ServiceStatus => {
  const running = own.filter((i) => i.status === 'running').length;
  return {
    name,
    project: own[0]?.project ?? '',
    image: own[0]?.image ?? '',
    status: running > 0 ? 'running' : 'stopped',
    desiredReplicas: 0,
    runningReplicas: running,
    domains: [],
    dependsOn: own[0]?.dependsOn ?? [],
    upToDate: false,
    paused: false,
    staleSecrets: [],
    startedAt: own.find((i) => i.status === 'running')?.startedAt,
    lastFailure: 'is not in the config any more; the next deploy removes it',
  };
};
