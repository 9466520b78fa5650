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
