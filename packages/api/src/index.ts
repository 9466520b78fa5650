export type {
  ClusterStatus,
  ControlPlane,
  DeployEvent,
  DeployOutcome,
  DeployRequest,
  LogLine,
  LogsRequest,
  ServiceHealth,
  ServiceStatus,
  StopRequest,
  WireChange,
  WireFailure,
  WireIssue,
  WireStep,
} from './contract.ts';
export { ApiError } from './errors.ts';
