import type { DeployEvent, DeployOutcome, WireFailure } from '@orca/api';
import {
  converge,
  plan,
  type Converged,
  type InstanceKey,
  type Plan,
  type PlanInput,
  type Ports,
  type Revision,
} from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';
import { messageOf, wireChanges, wireEvent, wirePlan } from './wire.ts';

export type Quarantine = Map<string, { readonly revision: Revision; readonly reason: string }>;
type Input = Omit<PlanInput<ServiceSpec>, 'memory'>;
type End = Extract<DeployEvent, { type: 'end' }>;

export interface DeploymentPorts {
  readonly reconcile: Ports<ServiceSpec>;
  readonly gather: (signal: AbortSignal) => Promise<Input>;
  readonly quarantine: Quarantine;
  readonly redact: (text: string) => string;
  /** The last lines an instance printed. */
  readonly lastLines: (key: InstanceKey) => Promise<readonly string[]>;
  /** Calls so far that could change something in the engine. */
  readonly mutations: () => number;
}

/** Plans without acting: what a deploy would do now. */
export const previewDeployment = async (
  ports: DeploymentPorts,
  emit: (event: DeployEvent) => void,
  signal: AbortSignal,
): Promise<End> => {
  const begun = ports.reconcile.now();
  const input = await ports.gather(signal);
  const preview = plan({ ...input, memory: { quarantined: ports.quarantine } });
  emit(wirePlan(preview));
  return {
    type: 'end',
    outcome: preview.blocked.length > 0 ? 'blocked' : 'planned',
    changed: [],
    unchanged: preview.unchanged,
    failures: blockedFailures(preview, new Set()),
    mutatingCalls: 0,
    ms: ports.reconcile.now() - begun,
  };
};

/** Makes it so, telling every step, and ends with what changed and why anything did not. */
export const runDeployment = async (
  ports: DeploymentPorts,
  emit: (event: DeployEvent) => void,
  signal: AbortSignal,
): Promise<End> => {
  const begun = ports.reconcile.now();
  const before = ports.mutations();
  let unchanged: readonly string[] = [];
  const result = await converge(ports.reconcile, {
    gather: ports.gather,
    quarantine: ports.quarantine,
    signal,
    onPlan: (next, turn) => {
      if (turn === 1) unchanged = next.unchanged;
      if (turn === 1 || next.steps.length > 0) emit(wirePlan(next));
    },
    onEvent: (event) => emit(wireEvent(event, ports.redact)),
  });
  return {
    type: 'end',
    outcome: outcomeOf(result),
    changed: wireChanges(result.done),
    unchanged,
    failures: await failuresOf(result, ports),
    mutatingCalls: ports.mutations() - before,
    ms: ports.reconcile.now() - begun,
  };
};

const outcomeOf = ({ outcome }: Converged<ServiceSpec>): DeployOutcome => outcome;

const failuresOf = async (result: Converged<ServiceSpec>, ports: DeploymentPorts): Promise<readonly WireFailure[]> => {
  if (result.outcome === 'cancelled') return [];
  const failures = new Map<string, WireFailure>();
  for (const { step, error } of result.failed) {
    const { service } = step.action;
    if (failures.has(service)) continue;
    const lines = 'key' in step.action ? await ports.lastLines(step.action.key).catch(() => []) : [];
    failures.set(service, { service, reason: ports.redact(messageOf(error)), logs: lines.map(ports.redact) });
  }
  return [...failures.values(), ...blockedFailures(result.last, new Set(failures.keys()))];
};

const blockedFailures = (last: Plan<ServiceSpec>, known: ReadonlySet<string>): readonly WireFailure[] =>
  last.blocked
    .filter((b) => !known.has(b.service))
    .map((b) => ({ service: b.service, reason: b.reasons.join('; '), logs: [] }));
