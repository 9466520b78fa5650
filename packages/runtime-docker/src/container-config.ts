import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import type { ServiceSpec } from '@orca/spec';
import type { RestartPolicy } from './labels.ts';
import { networkAliases } from './names.ts';

/** More processes than any service of this size needs, and too few for a fork bomb to take the host. */
const pidsLimit = 4096;

export interface ContainerInput {
  readonly spec: ServiceSpec;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[] | undefined;
  /** Whether the engine may restart it on its own from the start. */
  readonly restart: RestartPolicy;
}

/** A service as the engine's create call wants it. */
export const containerConfig = ({
  spec,
  name,
  labels,
  network,
  env,
  command,
  restart,
}: ContainerInput): ContainerCreateOptions => ({
  name,
  Image: spec.image,
  Labels: { ...labels },
  Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
  ...(command === undefined ? {} : { Cmd: [...command] }),
  ...(spec.stopSignal === undefined ? {} : { StopSignal: spec.stopSignal }),
  StopTimeout: Math.ceil(spec.stopGraceMs / 1000),
  ExposedPorts: Object.fromEntries(spec.publishedPorts.map((p) => [`${p.containerPort}/${p.protocol}`, {}])),
  HostConfig: hostConfig(spec, network, restart),
  NetworkingConfig: {
    EndpointsConfig: { [network]: { Aliases: [...networkAliases(spec)] } },
  },
});

const hostConfig = (spec: ServiceSpec, network: string, restart: RestartPolicy): HostConfig => ({
  NetworkMode: network,
  RestartPolicy: restart,
  Mounts: [
    ...spec.volumes.map((v) => ({ Type: 'volume' as const, Source: v.source, Target: v.target, ReadOnly: v.readOnly })),
    ...spec.mounts.map((m) => ({ Type: 'bind' as const, Source: m.source, Target: m.target, ReadOnly: m.readOnly })),
  ],
  PortBindings: portBindings(spec),
  LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
  SecurityOpt: ['no-new-privileges'],
  PidsLimit: pidsLimit,
  ...(spec.resources.memoryBytes === undefined ? {} : { Memory: spec.resources.memoryBytes }),
  ...(spec.resources.cpus === undefined ? {} : { NanoCpus: Math.round(spec.resources.cpus * 1e9) }),
});

const portBindings = (spec: ServiceSpec): Record<string, { HostIp: string; HostPort: string }[]> => {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { hostIp, hostPort, containerPort, protocol } of spec.publishedPorts) {
    (bindings[`${containerPort}/${protocol}`] ??= []).push({ HostIp: hostIp, HostPort: String(hostPort) });
  }
  return bindings;
};
