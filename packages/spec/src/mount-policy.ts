import { posix } from 'node:path';

/**
 * Directories that hold the host's own power: its system files, its devices, its engine. Neither they nor anything in
 * them may be mounted because a parent is allowed; each path has to be listed itself.
 */
const PROTECTED = ['/boot', '/dev', '/etc', '/proc', '/root', '/run', '/sys', '/var/lib/docker', '/var/run'];

/** What is wrong with mounting this absolute path, given what cluster.toml allows; `undefined` when nothing is. */
export function absoluteMountFault(source: string, allowMounts: readonly string[]): string | undefined {
  if (allowMounts.includes(source)) return undefined;
  const how = `list it in cluster.toml: [security] allow_mounts = [${JSON.stringify(source)}]`;
  if (isProtected(source)) return `${source} gives power over the host and is only mounted when listed exactly; ${how}`;
  if (allowMounts.some((allowed) => isInside(allowed, source))) return undefined;
  return `${source} is not under an allowed directory; ${how}, or a directory above it`;
}

/** `~/.orca` holds the master key, wherever the home directory is. */
export function isOrcaState(path: string): boolean {
  return path.split('/').includes('.orca');
}

export function isInside(directory: string, path: string): boolean {
  const relative = posix.relative(directory, path);
  return relative === '' || (relative !== '..' && !relative.startsWith('../'));
}

function isProtected(path: string): boolean {
  if (path === '/' || isOrcaState(path) || path.endsWith('/docker.sock')) return true;
  return PROTECTED.some((directory) => isInside(directory, path) || isInside(path, directory));
}
