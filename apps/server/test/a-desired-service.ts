import { revision, type DesiredService } from '@orca/reconcile';
import { parseDesiredState, type ServiceSpec } from '@orca/spec';

/** The one service of a service.toml. */
export const specFrom = (text: string): ServiceSpec => {
  const parsed = parseDesiredState([{ path: 'services/site/service.toml', text }], { root: '/', cluster: undefined });
  const [spec] = parsed.ok ? parsed.value.services : [];
  if (spec === undefined) throw new Error(JSON.stringify(parsed));
  return spec;
};

/** A service as a deploy asks for it, in this revision. */
export const desiredService = (name: string, rev: string): DesiredService<ServiceSpec> => ({
  spec: specFrom(`[[service]]\nname = "${name}"\nimage = "app:1"`),
  revision: revision(rev),
  order: { kind: 'start-first', reason: 'for the test' },
  isRouted: false,
  isPaused: false,
  stopGraceMs: 1000,
});
