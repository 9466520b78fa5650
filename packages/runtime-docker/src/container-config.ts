import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import type { ServiceSpec } from '@orca/spec';
import { composeConfig, composeHostConfig } from './compose-config.ts';
import type { RestartPolicy } from './labels.ts';
import { networkAliases } from './names.ts';
import type { PlacedFile } from './secret-files.ts';

/** More processes than any service of this size needs, and too few for a fork bomb to take the host. */
const pidsLimit = 4096;

export interface ContainerInput {
  readonly spec: ServiceSpec;
  /** By its name, or by its id when the name stands for another one. */
  readonly image: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[] | undefined;
  readonly entrypoint: readonly string[] | undefined;
  /** Files on this machine, each to be mounted read-only. */
  readonly files: readonly PlacedFile[];
  /** Whether the engine may restart it on its own from the start. */
  readonly restart: RestartPolicy;
}

/** A service as the engine's create call wants it. */
export const containerConfig = ({
  spec,
  image,
  name,
  labels,
  network,
  env,
  command,
  entrypoint,
  files,
  restart,
}: ContainerInput): ContainerCreateOptions => ({
  name,
  Image: image,
  // Ours last: identity cannot be overwritten.
  Labels: { ...spec.labels, ...labels },
  Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
  ...(command === undefined ? {} : { Cmd: [...command] }),
  ...(entrypoint === undefined ? {} : { Entrypoint: [...entrypoint] }),
  ...composeConfig(spec),
  ...(spec.stopSignal === undefined ? {} : { StopSignal: spec.stopSignal }),
  StopTimeout: Math.ceil(spec.stopGraceMs / 1000),
  ExposedPorts: Object.fromEntries(spec.publishedPorts.map((p) => [`${p.containerPort}/${p.protocol}`, {}])),
  HostConfig: hostConfig(spec, { network, restart, files }),
  NetworkingConfig: {
    EndpointsConfig: { [network]: { Aliases: [...networkAliases(spec)] } },
  },
});

const hostConfig = (
  spec: ServiceSpec,
  { network, restart, files }: Pick<ContainerInput, 'network' | 'restart' | 'files'>,
): HostConfig => ({
  NetworkMode: network,
  RestartPolicy: restart,
  Mounts: [
    ...spec.volumes.map((v) => ({ Type: 'volume' as const, Source: v.source, Target: v.target, ReadOnly: v.readOnly })),
    ...spec.mounts.map((m) => ({ Type: 'bind' as const, Source: m.source, Target: m.target, ReadOnly: m.readOnly })),
    // As a mount, not as a bind string: the engine then refuses to start without the file, and never makes a directory of it.
    ...files.map((f) => ({ Type: 'bind' as const, Source: f.source, Target: f.target, ReadOnly: true })),
  ],
  PortBindings: portBindings(spec),
  LogConfig: logConfig(spec),
  SecurityOpt: ['no-new-privileges'],
  PidsLimit: pidsLimit,
  ...composeHostConfig(spec),
  ...(spec.resources.memoryBytes === undefined ? {} : { Memory: spec.resources.memoryBytes }),
  ...(spec.resources.cpus === undefined ? {} : { NanoCpus: Math.round(spec.resources.cpus * 1e9) }),
});

/** The engine's own default has no bound: a chatty service would fill the disk. */
const logConfig = ({ logging }: ServiceSpec): { Type: string; Config: Record<string, string> } => {
  const driver = logging?.driver ?? 'json-file';
  const caps = driver === 'json-file' || driver === 'local' ? { 'max-size': '10m', 'max-file': '3' } : {};
  return { Type: driver, Config: { ...caps, ...logging?.options } };
};

const portBindings = (spec: ServiceSpec): Record<string, { HostIp: string; HostPort: string }[]> => {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { hostIp, hostPort, containerPort, protocol } of spec.publishedPorts) {
    (bindings[`${containerPort}/${protocol}`] ??= []).push({ HostIp: hostIp, HostPort: String(hostPort) });
  }
  return bindings;
};
