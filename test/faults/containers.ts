import type { Docker } from '@orca/tooling-testbed';

/** A container as the engine itself tells it, past any proxy. */
export interface Container {
  readonly id: string;
  readonly name: string;
  /** `running`, `created`, `exited`, `paused`, … */
  readonly state: string;
  /** Empty for a container that is none of orca's. */
  readonly service: string;
  readonly slot: string;
  readonly revision: string;
}

const columns = ['{{.ID}}', '{{.Names}}', '{{.State}}'];
const labels = ['orca.service', 'orca.slot', 'orca.revision'].map((name) => `{{.Label "${name}"}}`);

/** The containers of a cluster, in whatever state. */
export const containersOf = async (docker: Docker, cluster: string): Promise<readonly Container[]> => {
  const format = [...columns, ...labels].join('\t');
  const filter = `label=orca.cluster=${cluster}`;
  const out = await docker.output(['ps', '-a', '--no-trunc', '--filter', filter, '--format', format]);
  return linesOf(out).map((line) => {
    const [id = '', name = '', state = '', service = '', slot = '', revision = ''] = line.split('\t');
    return { id, name, state, service, slot, revision };
  });
};

/** What stays the same when nothing happened to a container: by id, its name, process and time of start. */
export const identities = async (docker: Docker, ids: readonly string[]): Promise<ReadonlyMap<string, string>> => {
  if (ids.length === 0) return new Map();
  const format = '{{.Id}}\t{{.Name}} {{.State.Pid}} {{.State.StartedAt}}';
  const out = await docker.output(['inspect', '--type', 'container', '--format', format, ...ids]);
  return new Map(
    linesOf(out).map((line) => {
      const [id = '', identity = ''] = line.split('\t');
      return [id, identity];
    }),
  );
};

export const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');
