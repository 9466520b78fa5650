export type {
  AccessLogSpec,
  AcmeChallenge,
  AcmeSpec,
  BackupTarget,
  BindMount,
  Brand,
  ClusterSpec,
  DeployPolicy,
  DesiredState,
  Device,
  Gpus,
  HstsPolicy,
  Infra,
  Issue,
  Logging,
  Parsed,
  Probe,
  ProxySpec,
  PublishedPort,
  RatePolicy,
  Resources,
  RoutePolicy,
  RouteSpec,
  RouteTls,
  SecretFile,
  SecretUse,
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
export { type EnvFile, parseEnvFile } from './env-file.ts';
export { formatIssue } from './faults.ts';
export { type Impact, impactOf } from './impact.ts';
export { isServiceName } from './names.ts';
export { type RevisionInputs, revisionOf } from './revision.ts';
export { claimsOf, isSameRoute } from './route-claims.ts';
export { hideSecrets, showSecrets } from './hide-secrets.ts';
export type { SecretValues } from './secret-fill.ts';
export { secretNames } from './secret-uses.ts';
export { formatTemplate, parseTemplate, renderTemplate, type TemplateResult } from './template.ts';
export { type UpdateOrder, updateOrderOf } from './update-order.ts';
