import { posix } from 'node:path';
import type { Place } from './faults.ts';
import type { BindMount, VolumeMount } from './model.ts';
import { absoluteMountFault, isInside, isOrcaState } from './mount-policy.ts';
import { volumeName } from './names.ts';
import { flag, parsedText, quote, Refusal, text } from './read.ts';
import { readTable, required, withDefault, type Read } from './table.ts';
import { isTable } from './toml.ts';

/** Where a mount's source is judged: the infra root and what cluster.toml allows. */
export interface MountRules {
  readonly root: string;
  readonly allowMounts: readonly string[];
}

/** As written, before the source was resolved. */
export interface WrittenMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** A path inside the container. */
export const containerPath: Read<string> = parsedText((written) => {
  const path = posix.normalize(written).replace(/(.)\/$/, '$1');
  if (path.startsWith('/') && path !== '/' && !written.split('/').includes('..')) return path;
  return new Refusal(`${quote(written)} is not a path in a container: write an absolute one below "/", without ".."`);
});

/** `[[service.volumes]]` */
export const volumeMount: Read<VolumeMount> = (value, at) => {
  if (!isTable(value)) return at.error('must be a table: write [[service.volumes]] with source and target');
  const read = readTable(VOLUME, value, at);
  if (read.source === undefined || read.target === undefined) return undefined;
  return { source: read.source, target: read.target, readOnly: read.read_only };
};

/** `[[service.mounts]]`, or the short form `"/host:/container:ro"`. */
export const writtenMount: Read<WrittenMount> = (value, at) => {
  if (typeof value === 'string') return shortMount(value, at);
  if (!isTable(value)) return at.error('must be a table with source and target, or text like "/host:/container:ro"');
  const read = readTable(MOUNT, value, at);
  if (read.source === undefined || read.target === undefined) return undefined;
  return { source: read.source, target: read.target, readOnly: read.read_only };
};

export function resolveMount(mount: WrittenMount, rules: MountRules, at: Place): BindMount {
  const isRelative = !mount.source.startsWith('/');
  const source = posix.resolve(rules.root, mount.source);
  const fault = isRelative
    ? relativeMountFault(mount.source, source, rules.root)
    : absoluteMountFault(source, rules.allowMounts);
  if (fault !== undefined) at.error(fault);
  return { ...mount, source };
}

const MOUNT = {
  title: '[[service.mounts]]',
  keys: { source: required(text), target: required(containerPath), read_only: withDefault(flag, false) },
};
const VOLUME = {
  title: '[[service.volumes]]',
  keys: { source: required(volumeName), target: required(containerPath), read_only: withDefault(flag, false) },
};

function relativeMountFault(written: string, source: string, root: string): string | undefined {
  if (written.startsWith('~')) return `${quote(written)}: "~" is not expanded; write the whole path`;
  if (!isInside(root, source)) return `${quote(written)} leaves the infra root; a relative source must stay inside it`;
  // The root itself may lie in a directory of that name; only what comes after it counts.
  return isOrcaState(posix.relative(root, source)) ? `${quote(written)} is the state of orca itself` : undefined;
}

function shortMount(value: string, at: Place): WrittenMount | undefined {
  const [source = '', target = '', mode = 'rw', ...rest] = value.split(':');
  if (!/^\.{0,2}\//.test(source) || target === '' || (mode !== 'ro' && mode !== 'rw') || rest.length > 0) {
    return at.error(`${quote(value)} is not a mount: write "/host:/container" or "./dir:/container:ro"`);
  }
  const [readSource, readTarget] = [text(source, at), containerPath(target, at)];
  if (readSource === undefined || readTarget === undefined) return undefined;
  return { source: readSource, target: readTarget, readOnly: mode === 'ro' };
}
