import type { ActionKind, DesiredService } from '@orca/reconcile';
import type { DockerRuntime, InstanceDetails } from '@orca/runtime-docker';
import type { ServiceSpec } from '@orca/spec';
import { readListeners, takenPort } from './host-ports.ts';

type Steps = readonly { readonly action: { readonly kind: ActionKind; readonly service: string } }[];
type Preview = { readonly steps: Steps; readonly unchanged: readonly string[] };
type Services = readonly DesiredService<ServiceSpec>[];

export interface Place {
  readonly runtime: Pick<DockerRuntime, 'diskFault' | 'imageId'>;
  readonly seen: readonly InstanceDetails[];
  /** Services that run, and that this deploy leaves as they are. */
  readonly staying: Services;
  /** All that the files ask for. */
  readonly files: Services;
}

/** What would make a deploy fail half-way, known before anything is stopped; `undefined` when nothing is in the way. */
export const obstacleOf = async (
  { steps, unchanged }: Preview,
  wanted: Services,
  place: Place,
): Promise<string | undefined> =>
  claimObstacle(
    wanted.filter(({ spec }) => !unchanged.includes(spec.name)),
    place,
  ) ??
  (await portObstacle(wanted.filter(concerned(steps, 'create')), place)) ??
  (await diskObstacle(wanted.filter(concerned(steps, 'prepare')), place));

const concerned = (steps: Steps, kind: ActionKind): ((d: DesiredService<ServiceSpec>) => boolean) => {
  const services = new Set(steps.flatMap(({ action }) => (action.kind === kind ? [action.service] : [])));
  return ({ spec }) => services.has(spec.name);
};

/**
 * What another service is to give up by the files, and keeps because this deploy is not about it. Two that the files
 * let share a volume share it on purpose.
 */
const claimObstacle = (changing: Services, { staying, files }: Place): string | undefined => {
  const claims = (d: Services[number] | undefined, what: string): boolean =>
    d?.claims?.some((claim) => claim.what === what) === true;
  const faults = changing.flatMap(({ spec, claims: wanted = [] }) =>
    wanted.flatMap(({ what }) => {
      const other = staying.find((d) => claims(d, what) && d.spec.name !== spec.name);
      const inFiles = files.find((d) => d.spec.name === other?.spec.name);
      if (other === undefined || claims(inFiles, what)) return [];
      const { name } = other.spec;
      return [
        inFiles === undefined
          ? `${spec.name}: ${what} is still that of ${name}, which is not in the files any more; a deploy of everything removes it first: orca deploy`
          : `${spec.name}: ${what} is still that of ${name}; deploy both: orca deploy ${spec.name} ${name}`,
      ];
    }),
  );
  return faults.length === 0 ? undefined : faults.join('; ');
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
