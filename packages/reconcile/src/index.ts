export type {
  ActionKind,
  ActionOf,
  Actions,
  Blocked,
  Claim,
  DesiredService,
  Instance,
  InstanceKey,
  LastGood,
  Memory,
  ObservedState,
  Plan,
  PlanInput,
  Plannable,
  Quarantined,
  Removed,
  Revision,
  Stage,
  Step,
  UpdateOrder,
} from './model.ts';
export type { Clock, Ports, Prober, ReconcileEvent, Router, Runtime } from './ports.ts';
export { instanceKey, revision } from './identity.ts';
export { apply, type Applied, type ApplyOptions } from './apply.ts';
export { shortKey, stepInWords, verbOf } from './chain.ts';
export { findCycles } from './dependencies.ts';
export { formatPlan } from './format.ts';
export { plan } from './plan.ts';
export { backoffMs, type Backoff } from './backoff.ts';
export { converge, type Converged, type ConvergeOptions, type Gathered } from './converge.ts';
export { judge, type Quarantine, type StepFailure, type Verdict } from './failures.ts';
export { createLimit, type Limit } from './limit.ts';
export {
  createReconciler,
  type Reconciler,
  type ReconcilerEvent,
  type ReconcilerOptions,
  type Settlement,
} from './reconciler.ts';
export { foldHealth, restartBackoffMs, type Check, type Health, type HealthPolicy } from './health.ts';
export { foldCrash, isCrashLoop, isOnWatch, restsUntil, type Crash, type CrashHistory } from './restarts.ts';
export { noRouter, readyAtOnce } from './null-ports.ts';
export { sharedTask } from './shared-task.ts';
