import type { Runtime } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';
import type { ProxyRouter } from './router.ts';

/** Stops an instance only when no request of its is in flight, whoever took its route away and when. */
export const withSettledStop = (
  runtime: Runtime<ServiceSpec>,
  router: Pick<ProxyRouter, 'settle'>,
): Runtime<ServiceSpec> => ({
  observe: (signal) => runtime.observe(signal),
  prepare: (spec, signal) => runtime.prepare(spec, signal),
  create: (action, signal) => runtime.create(action, signal),
  start: (key, signal) => runtime.start(key, signal),
  stop: async (key, graceMs, signal) => {
    await router.settle(key, signal);
    await runtime.stop(key, graceMs, signal);
  },
  commit: (key, signal) => runtime.commit(key, signal),
  repair: (key, signal) => runtime.repair(key, signal),
  remove: (key, signal) => runtime.remove(key, signal),
});
