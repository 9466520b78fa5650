import type { Instance } from '@orca/reconcile';
import type { Identity } from './labels.ts';
import { stageOf } from './names.ts';

/** A container as the engine's list shows it. */
export interface Seen extends Identity {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly image: string;
  readonly address: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

const statusNames: Readonly<Record<string, Instance['status']>> = {
  created: 'created',
  running: 'running',
  restarting: 'running',
  paused: 'paused',
  exited: 'exited',
  dead: 'exited',
  removing: 'removing',
};

/** A proven one that somebody renamed is still the proven one while it runs. */
export const stageOfSeen = (seen: Seen): Instance['stage'] =>
  stageOf(seen.name, seen.service, seen.slot) ?? (seen.state === 'running' ? 'current' : 'candidate');

export const asInstance = (seen: Seen): Instance => ({
  key: seen.key,
  service: seen.service,
  slot: seen.slot,
  revision: seen.revision,
  stage: stageOfSeen(seen),
  status: statusNames[seen.state] ?? 'exited',
  dependsOn: seen.dependsOn,
});
