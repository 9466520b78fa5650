import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export type InfraRoot = { readonly root: string } | { readonly looked: readonly string[] };

export interface InfraRootOptions {
  /** Where the search begins, absolute. */
  readonly cwd: string;
  /** `--dir`: taken as it is, no search. */
  readonly explicit: string | undefined;
  /** Environment variables; only `ORCA_DIR` is read, and only without `--dir`. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The infra root is the nearest directory, from `cwd` upwards, that holds `cluster.toml`, `services/` or
 * `services.toml`. When there is none the answer lists every directory that was looked at.
 */
export function findInfraRoot({ cwd, explicit, env }: InfraRootOptions): InfraRoot {
  const named = explicit ?? (env['ORCA_DIR'] === '' ? undefined : env['ORCA_DIR']);
  const looked: string[] = [];
  for (const directory of named === undefined ? upwards(cwd) : [resolve(cwd, named)]) {
    if (isInfraRoot(directory)) return { root: directory };
    looked.push(directory);
  }
  return { looked };
}

function* upwards(from: string): Generator<string> {
  let directory = resolve(from);
  for (;;) {
    yield directory;
    const parent = dirname(directory);
    if (parent === directory) return;
    directory = parent;
  }
}

function isInfraRoot(directory: string): boolean {
  const kind = (name: string) => statSync(join(directory, name), { throwIfNoEntry: false });
  return (
    kind('cluster.toml')?.isFile() === true ||
    kind('services')?.isDirectory() === true ||
    kind('services.toml')?.isFile() === true
  );
}
