import type { ActionKind, DesiredService } from '@orca/reconcile';
import type { DockerRuntime, InstanceDetails } from '@orca/runtime-docker';
import type { ServiceSpec } from '@orca/spec';
import { readListeners, takenPort } from './host-ports.ts';

type Steps = readonly { readonly action: { readonly kind: ActionKind; readonly service: string } }[];
type Services = readonly DesiredService<ServiceSpec>[];

export interface Place {
  readonly runtime: Pick<DockerRuntime, 'diskFault' | 'imageId'>;
  readonly seen: readonly InstanceDetails[];
}

/** What would make a deploy fail half-way, known before anything is stopped; `undefined` when nothing is in the way. */
export const obstacleOf = async (steps: Steps, wanted: Services, place: Place): Promise<string | undefined> =>
  (await portObstacle(wanted.filter(concerned(steps, 'create')), place)) ??
  (await diskObstacle(wanted.filter(concerned(steps, 'prepare')), place));

const concerned = (steps: Steps, kind: ActionKind): ((d: DesiredService<ServiceSpec>) => boolean) => {
  const services = new Set(steps.flatMap(({ action }) => (action.kind === kind ? [action.service] : [])));
  return ({ spec }) => services.has(spec.name);
};

/** A port that somebody else has would only be noticed after the old instance was stopped. */
const portObstacle = async (created: Services, { seen }: Place): Promise<string | undefined> => {
  const published = created.filter(({ spec }) => spec.publishedPorts.length > 0);
  if (published.length === 0) return undefined;
  const own = new Set(seen.flatMap((i) => (i.status === 'running' ? i.hostPorts : [])));
  const listeners = await readListeners();
  const faults = published.flatMap(({ spec }) => takenPort(spec, listeners, own) ?? []);
  return faults.length === 0 ? undefined : faults.join('; ');
};

/** On a disk that is nearly full only what needs no new image is deployed: a way back must stay open. */
const diskObstacle = async (prepared: Services, { runtime }: Place): Promise<string | undefined> => {
  if (prepared.length === 0) return undefined;
  const fault = await runtime.diskFault();
  if (fault === undefined) return undefined;
  const { signal } = new AbortController();
  const images = [...new Set(prepared.map(({ spec }) => spec.image))];
  const ids = await Promise.all(images.map((image) => runtime.imageId(image, signal)));
  const missing = images.filter((_, index) => ids[index] === undefined);
  return missing.length === 0
    ? undefined
    : `${fault}; ${missing.join(', ')} would have to be pulled. Make room (docker system df shows what takes it), then deploy again`;
};
