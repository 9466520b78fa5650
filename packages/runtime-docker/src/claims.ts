import type { ContainerInspectInfo } from 'dockerode';
import type { Claim } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';

type Claiming = Pick<ServiceSpec, 'publishedPorts' | 'volumes' | 'mounts' | 'sharedVolume'>;

/** What a service needs for itself alone: its host ports, and what it writes to unless that tolerates several writers. */
export const claimsOf = ({ publishedPorts, volumes, mounts, sharedVolume }: Claiming): readonly Claim[] => {
  const ports = publishedPorts.map((p) => ({ what: port(p.hostPort, p.protocol), isGuarded: true }));
  const written = [
    ...volumes.flatMap((v) => (v.readOnly ? [] : [volume(v.source)])),
    ...mounts.flatMap((m) => (m.readOnly ? [] : [directory(m.source)])),
  ];
  return [...ports, ...(sharedVolume === true ? [] : written.map((what) => ({ what, isGuarded: false })))];
};

/** The same of a container, as the engine shows it. */
export const holdsOf = ({ HostConfig, Mounts }: ContainerInspectInfo): readonly string[] => [
  ...hostPortsOf({ HostConfig }).map(({ hostPort, protocol }) => port(hostPort, protocol)),
  ...(Mounts ?? []).flatMap(({ Type, RW, Name, Source }) => {
    if (!RW) return [];
    return Type === 'volume' && Name !== undefined ? [volume(Name)] : Type === 'bind' ? [directory(Source)] : [];
  }),
];

/** Host ports that a container has while it runs. */
export const hostPortsOf = ({
  HostConfig,
}: Pick<ContainerInspectInfo, 'HostConfig'>): readonly { readonly hostPort: number; readonly protocol: string }[] => {
  const bindings: unknown = HostConfig.PortBindings;
  if (typeof bindings !== 'object' || bindings === null) return [];
  return Object.entries(bindings).flatMap(([inside, list]: readonly [string, unknown]) =>
    Array.isArray(list)
      ? list.map((binding: { readonly HostPort?: string }) => ({
          hostPort: Number(binding.HostPort),
          protocol: inside.endsWith('/udp') ? 'udp' : 'tcp',
        }))
      : [],
  );
};

const port = (hostPort: number, protocol: string): string => `host port ${hostPort}/${protocol}`;
const volume = (name: string): string => `volume ${name}`;
const directory = (path: string): string => `directory ${path}`;
