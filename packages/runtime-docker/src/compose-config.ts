import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import type { ServiceSpec } from '@orca/spec';

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out what was not written: the engine and the image then decide. */
const given = <T extends object>(fields: T): Given<T> => {
  const found: Given<T> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) Object.assign(found, { [name]: value });
  return found;
};

/** What Compose has under the same names, as the engine's create call wants it. */
export const composeConfig = ({ user, workingDir, hostname }: ServiceSpec): Partial<ContainerCreateOptions> =>
  given({ User: user, WorkingDir: workingDir, Hostname: hostname });

export const composeHostConfig = (spec: ServiceSpec): Partial<HostConfig> =>
  given({
    Init: spec.init,
    Tmpfs: spec.tmpfs && Object.fromEntries(spec.tmpfs.map(({ target, options }) => [target, options])),
    ShmSize: spec.shmBytes,
    Ulimits:
      spec.ulimits && Object.entries(spec.ulimits).map(([Name, { soft, hard }]) => ({ Name, Soft: soft, Hard: hard })),
    CapAdd: spec.capAdd && [...spec.capAdd],
    CapDrop: spec.capDrop && [...spec.capDrop],
    Devices: spec.devices?.map(({ host, container, permissions }) => ({
      PathOnHost: host,
      PathInContainer: container,
      CgroupPermissions: permissions,
    })),
    DeviceRequests: deviceRequests(spec),
    ExtraHosts: spec.extraHosts && [...spec.extraHosts],
    Dns: spec.dns && [...spec.dns],
    Sysctls: spec.sysctls && { ...spec.sysctls },
    ReadonlyRootfs: spec.readOnlyRoot,
    Privileged: spec.privileged,
  });

/** -1 asks for all there are. */
const deviceRequests = ({ gpus }: ServiceSpec): NonNullable<HostConfig['DeviceRequests']> | undefined => {
  if (gpus === undefined) return undefined;
  const which =
    gpus.ids === undefined ? { Count: gpus.count === 'all' ? -1 : (gpus.count ?? 1) } : { DeviceIDs: [...gpus.ids] };
  return [{ ...which, Capabilities: [['gpu']] }];
};
