import type { ContainerInspectInfo } from 'dockerode';

/** What a process shows that ended by SIGKILL. */
const killedCode = 137;

/** A container that had to be killed lost what it had in memory: its owner should know. */
export const ignoredStop = (
  service: string,
  info: ContainerInspectInfo | undefined,
  seconds: number,
): string | undefined =>
  info?.State.ExitCode !== killedCode || info.State.OOMKilled
    ? undefined
    : `${service}: ignored the request to stop (SIGTERM, or its stop_signal) and was killed after ${seconds} s; stop_grace_secs gives more time`;
