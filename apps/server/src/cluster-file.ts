import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { formatIssue, parseClusterSpec, type ClusterSpec, type Issue } from '@orca/spec';
import { ServerError } from './errors.ts';
import { isCode } from './home.ts';

const name = 'cluster.toml';
const maxBytes = 1024 * 1024;

/** What the cluster's own settings are, and what is doubtful about them. */
export interface ClusterFile {
  readonly cluster: ClusterSpec;
  readonly warnings: readonly Issue[];
}

/** Reads the cluster's own settings alone: a server must start, and keep serving, while a service file is broken. */
export const readClusterFile = async (
  root: string,
  secrets: (names: readonly string[]) => Promise<ReadonlyMap<string, string>>,
): Promise<ClusterFile> => {
  const file = await textOf(join(root, name));
  const first = parseClusterSpec(file);
  const parsed = first.ok || first.needed.length === 0 ? first : parseClusterSpec(file, await secrets(first.needed));
  if (parsed.ok) return { cluster: parsed.value, warnings: parsed.warnings };
  throw new ServerError('ORCA_SERVER_BAD_CONFIG', parsed.issues.map(formatIssue).join('\n'));
};

/** `undefined` when there is none: all of it has defaults. */
const textOf = async (path: string): Promise<{ readonly path: string; readonly text: string } | undefined> => {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw new ServerError('ORCA_SERVER_BAD_CONFIG', `${name} is larger than 1 MiB`);
    return { path: name, text: await readFile(path, 'utf8') };
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
};
