export type {
  ActionKind,
  ActionOf,
  Actions,
  Blocked,
  DesiredService,
  Instance,
  InstanceKey,
  Memory,
  ObservedState,
  Plan,
  PlanInput,
  Plannable,
  Revision,
  Stage,
  Step,
  UpdateOrder,
} from './model.ts';
export type { Ports, Prober, ReconcileEvent, Router, Runtime } from './ports.ts';
export { instanceKey, revision } from './identity.ts';
export { apply, type Applied, type ApplyOptions } from './apply.ts';
export { shortKey, verbOf } from './chain.ts';
export { findCycles } from './dependencies.ts';
export { formatPlan } from './format.ts';
export { plan } from './plan.ts';
export { converge, type Converged, type ConvergeOptions } from './converge.ts';
export { foldHealth, restartBackoffMs, type Check, type Health, type HealthPolicy } from './health.ts';
