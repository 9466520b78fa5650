import type { EnvSource } from '@orca/runtime-docker';
import { parseDesiredState, renderTemplate, type ServiceName, type ServiceSpec } from '@orca/spec';

/** A spec as its text would give it; `change` is for what the text of one service alone may not say. */
export const aSpec = (
  name: string,
  more = '',
  change: { readonly image?: string; readonly dependsOn?: readonly string[] } = {},
): ServiceSpec => {
  const text = `[[service]]\nname = "${name}"\nimage = "${change.image ?? 'busybox:1.36'}"\n${more}`;
  const parsed = parseDesiredState([{ path: 'services/int/service.toml', text }], { root: '/', cluster: undefined });
  const [spec] = parsed.ok ? parsed.value.services : [];
  if (spec === undefined) throw new Error(JSON.stringify(parsed));
  return { ...spec, dependsOn: (change.dependsOn ?? []) as readonly ServiceName[] };
};

export const noSecrets: EnvSource = {
  render: async (spec) => ({
    env: Object.fromEntries(Object.entries(spec.env).map(([name, t]) => [name, renderTemplate(t, () => '')])),
    command: spec.command?.map((t) => renderTemplate(t, () => '')),
    entrypoint: spec.entrypoint?.map((t) => renderTemplate(t, () => '')),
  }),
};
