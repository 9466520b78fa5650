import type { Instance, InstanceKey } from '@orca/reconcile';
import type { RouteSpec, ServiceSpec } from '@orca/spec';

/**
 * Which instances serve already when a control plane starts: proven ones that run, with the
 * route they had. The files decide only where no route was recorded, so that a config broken
 * in the meantime does not take running services off the air.
 */
export const adoptable = (
  instances: readonly Instance[],
  recorded: ReadonlyMap<string, RouteSpec>,
  specs: readonly ServiceSpec[],
): readonly { readonly key: InstanceKey; readonly route: RouteSpec }[] => {
  const bySpec = new Map(specs.map((s) => [s.name as string, s.route]));
  const isRecorded = new Set([...recorded.keys()].map((key) => key.split('/')[0]));
  return instances.flatMap(({ key, service, stage, status }) => {
    const serves = status === 'running' && (stage === 'current' || recorded.has(key));
    const route = recorded.get(key) ?? (isRecorded.has(service) ? undefined : bySpec.get(service));
    return serves && route !== undefined ? [{ key, route }] : [];
  });
};
