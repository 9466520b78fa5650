export { checkHttp, checkTcp, type CheckResult } from './check.ts';
export type { ContainerLine, LogOptions } from './container-logs.ts';
export { RuntimeError, type RuntimeErrorCode } from './errors.ts';
export { createProber, type ProberOptions } from './prober.ts';
export type { DockerRuntime, DockerRuntimeOptions, EnvSource, Rendered } from './docker-runtime.ts';
export { createDockerRuntime } from './runtime.ts';
export type { InstanceDetails } from './seen.ts';
export { defaultSecretDirs, type RenderedFile } from './secret-files.ts';
export type { EngineEvent } from './watch.ts';
