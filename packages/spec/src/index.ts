export type {
  BackupTarget,
  BindMount,
  Brand,
  ClusterSpec,
  DeployPolicy,
  DesiredState,
  Device,
  Gpus,
  Infra,
  Issue,
  Logging,
  Parsed,
  Probe,
  PublishedPort,
  Resources,
  RouteSpec,
  ServiceName,
  ServiceSpec,
  SpecFile,
  Template,
  Tmpfs,
  Ulimit,
  VolumeMount,
} from './model.ts';
export { parseClusterSpec } from './cluster.ts';
export { type DesiredStateOptions, parseDesiredState } from './desired-state.ts';
export { formatIssue } from './faults.ts';
export { type Impact, impactOf } from './impact.ts';
export { isServiceName } from './names.ts';
export { type RevisionInputs, revisionOf } from './revision.ts';
export { type SecretUse, secretNames, secretUses } from './secret-uses.ts';
export { formatTemplate, parseTemplate, renderTemplate, type TemplateResult } from './template.ts';
export { type UpdateOrder, updateOrderOf } from './update-order.ts';
