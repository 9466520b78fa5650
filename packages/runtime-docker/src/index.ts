export { checkHttp, checkTcp, type CheckResult } from './check.ts';
export type { ContainerLine, LogOptions } from './container-logs.ts';
export { RuntimeError, type RuntimeErrorCode } from './errors.ts';
export { createProber, type ProberOptions } from './prober.ts';
export {
  createDockerRuntime,
  type DockerRuntime,
  type DockerRuntimeOptions,
  type EnvSource,
  type Rendered,
} from './runtime.ts';
export type { InstanceDetails } from './seen.ts';
export type { EngineEvent } from './watch.ts';
