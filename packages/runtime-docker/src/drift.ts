import type { ContainerInspectInfo } from 'dockerode';
import { label, type RestartPolicy } from './labels.ts';
import { decodeLimits, type Limits } from './limits.ts';
import type { Machine } from './machine.ts';
import { stableName } from './names.ts';
import { wantedNetworks, type Seen } from './seen.ts';

/** One thing that somebody changed. */
export type Drift =
  | { readonly kind: 'name'; readonly is: string; readonly wanted: string }
  | { readonly kind: 'network'; readonly network: string; readonly isConnected: boolean }
  | { readonly kind: 'restart'; readonly is: string; readonly wanted: string }
  | { readonly kind: 'memory'; readonly is: number; readonly wanted: number }
  | { readonly kind: 'cpus'; readonly is: number; readonly wanted: number };

/** How a container should be, beyond what its labels tell. */
export interface Expected {
  readonly machine: Machine;
  readonly restart: RestartPolicy;
}

/** What differs on a running, proven container from how orca wants it, and can be put right without a restart. */
export const driftOf = (
  seen: Seen,
  info: ContainerInspectInfo | undefined,
  { machine, restart: { Name: wanted } }: Expected,
): readonly Drift[] => {
  const name = stableName(seen.service, seen.slot);
  const found: Drift[] = [];
  if (seen.name !== name) found.push({ kind: 'name', is: seen.name, wanted: name });
  for (const network of wantedNetworks(seen)) {
    const isConnected = seen.networks.includes(network);
    const aliases = info?.NetworkSettings.Networks[network]?.Aliases;
    const isNamed = info === undefined || aliasesOf(seen).every((alias) => aliases?.includes(alias));
    if (!isConnected || !isNamed) found.push({ kind: 'network', network, isConnected });
  }
  if (info === undefined) return found;
  const restart = info.HostConfig.RestartPolicy?.Name ?? 'no';
  if (restart !== wanted) found.push({ kind: 'restart', is: restart, wanted });
  return [...found, ...limitDrift(decodeLimits(seen.labels[label.limits]), info, machine)];
};

const limitDrift = (
  wanted: Limits | undefined,
  { HostConfig: { Memory = 0, NanoCpus = 0 } }: ContainerInspectInfo,
  machine: Machine,
): readonly Drift[] => {
  if (wanted === undefined) return [];
  const isAll = Memory >= machine.memory && wanted.memory === 0;
  const areAll = NanoCpus >= machine.cpus * 1e9 && wanted.nanoCpus === 0;
  return [
    ...(Memory === wanted.memory || isAll ? [] : [{ kind: 'memory', is: Memory, wanted: wanted.memory } as const]),
    ...(NanoCpus === wanted.nanoCpus || areAll
      ? []
      : [{ kind: 'cpus', is: NanoCpus, wanted: wanted.nanoCpus } as const]),
  ];
};

/** The names it must answer to on its network. */
export const aliasesOf = ({ labels }: Pick<Seen, 'labels'>): readonly string[] =>
  (labels[label.aliases] ?? '').split(',').filter((alias) => alias !== '');

/** For the plan and the log, so that a reader learns what was done by hand. */
export const formatDrift = (drift: Drift): string => {
  switch (drift.kind) {
    case 'name':
      return `was renamed to ${drift.is}`;
    case 'network':
      return drift.isConnected
        ? `lost its names on network ${drift.network}`
        : `was disconnected from network ${drift.network}`;
    case 'restart':
      return `has restart policy ${drift.is} instead of ${drift.wanted}`;
    case 'memory':
      return `has a memory limit of ${mebibytes(drift.is)} instead of ${mebibytes(drift.wanted)}`;
    case 'cpus':
      return `has a CPU limit of ${cores(drift.is)} instead of ${cores(drift.wanted)}`;
    default:
      return drift satisfies never;
  }
};

const mebibytes = (bytes: number): string => (bytes === 0 ? 'none' : `${Math.round(bytes / 1024 / 1024)} MiB`);
const cores = (nano: number): string => (nano === 0 ? 'none' : `${nano / 1e9} CPUs`);
