import type { WireIssue } from '@orca/api';
import type { DesiredService } from '@orca/reconcile';
import type { DockerRuntime } from '@orca/runtime-docker';
import type { ServiceSpec } from '@orca/spec';
import { isMutable } from './desired.ts';

/** Asks registries for tags that may have moved, of the services that are asked for; gives a warning for each that did not answer. */
export const refreshImages = async (
  services: readonly DesiredService<ServiceSpec>[],
  asked: readonly string[] | 'all',
  o: { readonly runtime: Pick<DockerRuntime, 'refresh'>; readonly redact: (text: string) => string },
  signal: AbortSignal,
): Promise<readonly WireIssue[]> => {
  const mutable = services.filter(
    (d) => isMutable(d.spec) && (asked === 'all' ? !d.isPaused : asked.includes(d.spec.name)),
  );
  const warnings = await Promise.all(
    mutable.map(async ({ spec }) => ({ spec, warning: await o.runtime.refresh(spec, signal) })),
  );
  return warnings.flatMap(({ spec: { name, source }, warning }) =>
    warning === undefined
      ? []
      : [{ severity: 'warning', ...source, col: 1, path: `${name}.image`, message: o.redact(warning) }],
  );
};
