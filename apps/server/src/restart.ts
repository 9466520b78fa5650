import type { DockerRuntime, InstanceDetails } from '@orca/runtime-docker';
import type { ServiceSpec } from '@orca/spec';
import type { ProxyRouter } from './router.ts';

export interface RestartPorts {
  readonly runtime: DockerRuntime;
  readonly router: ProxyRouter;
}

/** Stops an instance with its grace and starts it again, off the route table meanwhile. */
export const restartInstance = async (
  { runtime, router }: RestartPorts,
  i: InstanceDetails,
  spec: ServiceSpec,
): Promise<void> => {
  const now = await runtime.inspect(i.key);
  // Someone was faster: it was stopped, replaced or started anew since the check that failed.
  if (now?.status !== 'running' || now.startedAt !== i.startedAt) return;
  const signal = new AbortController().signal;
  const wasRouted = router.routed().has(i.key);
  router.refresh(new Set([i.key]), () => undefined);
  await runtime.stop(i.key, spec.stopGraceMs, signal);
  await runtime.start(i.key, signal);
  if (wasRouted) await router.route(i.key, spec, signal);
};
