import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import type { Instance } from '@orca/reconcile';
import { holdsOf, hostPortsOf } from './claims.ts';
import { identityOf, label, type Identity } from './labels.ts';
import { sharedNetwork, stageOf } from './names.ts';

/** A container as the engine shows it, in its list or asked for by id. */
export interface Seen extends Identity {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly image: string;
  readonly address: string | undefined;
  /** Names of the networks it is connected to. */
  readonly networks: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** All that the engine says of it, when it was asked for by id. */
  readonly inspected: ContainerInspectInfo | undefined;
}

/** All that status and logs show of an instance. */
export interface InstanceDetails extends Instance {
  readonly project: string;
  readonly containerId: string;
  readonly name: string;
  readonly image: string;
  /** Of the content it was made from, whatever its name stands for now. */
  readonly imageId: string;
  /** On the service's network; `undefined` while it does not run. */
  readonly address: string | undefined;
  readonly restarting: boolean;
  readonly restartCount: number;
  /** ISO time of the last start. */
  readonly startedAt: string | undefined;
  readonly exitCode: number | undefined;
  readonly oomKilled: boolean;
  readonly memoryLimit: number | undefined;
  /** Host ports it has while it runs. */
  readonly hostPorts: readonly number[];
}

const statusNames: Readonly<Record<string, Instance['status']>> = {
  created: 'created',
  running: 'running',
  restarting: 'running',
  paused: 'paused',
  exited: 'exited',
  // What the engine failed to remove: nothing but another try helps.
  dead: 'removing',
  removing: 'removing',
};

/** A proven one that somebody renamed is still the proven one while it runs. */
export const stageOfSeen = (seen: Seen): Instance['stage'] =>
  stageOf(seen.name, seen.service, seen.slot) ?? (seen.state === 'running' ? 'current' : 'candidate');

export const asInstance = (seen: Seen, inspected: ContainerInspectInfo, drift: readonly string[] = []): Instance => ({
  key: seen.key,
  service: seen.service,
  slot: seen.slot,
  revision: seen.revision,
  stage: stageOfSeen(seen),
  status: statusNames[seen.state] ?? 'exited',
  dependsOn: seen.dependsOn,
  holds: holdsOf(inspected),
  drift,
});

/** `undefined` when it is no instance of ours. */
export const seenOfList = (c: ContainerInfo): Seen | undefined => {
  const identity = identityOf(c.Labels);
  if (identity === undefined) return undefined;
  return {
    ...identity,
    id: c.Id,
    // Links add names of the form /other/alias; its own has no second slash.
    name: c.Names.map((n) => n.slice(1)).find((n) => !n.includes('/')) ?? '',
    state: c.State,
    image: c.Image,
    labels: c.Labels,
    address: addressIn(c.NetworkSettings.Networks[identity.network]),
    networks: Object.keys(c.NetworkSettings.Networks),
    inspected: undefined,
  };
};

export const seenOfInspect = (c: ContainerInspectInfo): Seen | undefined => {
  const identity = identityOf(c.Config.Labels);
  if (identity === undefined) return undefined;
  return {
    ...identity,
    id: c.Id,
    name: c.Name.slice(1),
    state: c.State.Status,
    image: c.Config.Image,
    labels: c.Config.Labels,
    address: addressIn(c.NetworkSettings.Networks[identity.network]),
    networks: Object.keys(c.NetworkSettings.Networks),
    inspected: c,
  };
};

/** Networks it belongs on: its own, and the shared one if it asked for that. */
export const wantedNetworks = ({ network, labels }: Pick<Seen, 'network' | 'labels'>): readonly string[] =>
  labels[label.internal] === undefined ? [network] : [network, sharedNetwork];

const addressIn = (network: { readonly IPAddress: string } | undefined): string | undefined =>
  network === undefined || network.IPAddress === '' ? undefined : network.IPAddress;

export const detailsOf = (seen: Seen, c: ContainerInspectInfo, drift: readonly string[]): InstanceDetails => {
  const hasRun = c.State.StartedAt !== '' && !c.State.StartedAt.startsWith('0001');
  return {
    ...asInstance(seen, c, drift),
    project: seen.project,
    containerId: seen.id,
    name: seen.name,
    image: c.Config.Image,
    imageId: c.Image,
    address: seen.address,
    restarting: c.State.Restarting,
    restartCount: c.RestartCount,
    startedAt: hasRun ? c.State.StartedAt : undefined,
    exitCode: hasRun && !c.State.Running ? c.State.ExitCode : undefined,
    oomKilled: c.State.OOMKilled,
    hostPorts: hostPortsOf(c).map(({ hostPort }) => hostPort),
    memoryLimit: c.HostConfig.Memory === 0 ? undefined : c.HostConfig.Memory,
  };
};
