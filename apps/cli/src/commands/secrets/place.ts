import { homedir } from 'node:os';
import { join } from 'node:path';
import { createFileStore, findMasterKey, findStrayFiles, findTracked, type FileStore } from '@orca/secrets';
import type { MasterKeyOptions } from '@orca/secrets';
import { homeOf, type Context, type GlobalOptions } from '../../context.ts';
import { infraRoot } from '../../infra-root.ts';
import { askHidden } from '../../read-secret.ts';

export interface SecretsOptions extends GlobalOptions {
  /** Takes a file that is older than what was seen before. */
  readonly acceptOlder: boolean;
}

/** The secrets of the infra repository that the command stands in. */
export interface Place {
  readonly root: string;
  readonly path: string;
  readonly key: MasterKeyOptions;
  readonly store: FileStore;
}

export const openPlace = async (context: Context, options: SecretsOptions): Promise<Place> => {
  const { env, cwd } = context;
  const root = infraRoot(context, options);
  const path = join(root, 'secrets.json');
  const home = homeOf(context);
  const ask = async (): Promise<string | undefined> =>
    context.stdin.isTTY ? askHidden(context, 'passphrase of the master key') : undefined;
  const key = findMasterKey({ home, env, cwd, ask });
  const seenPath = join(home, 'secrets-seen.json');
  const store = createFileStore({ path, seenPath, acceptOlder: options.acceptOlder, ...key });
  for (const stray of await findStrayFiles(path, [cwd, home, env['HOME'] ?? homedir()])) {
    context.stderr.write(
      `warning: ${stray} is not read; the secrets are in ${path}. Set them there again, then remove that file\n`,
    );
  }
  return { root, path, key, store };
};

/** Said before a value is written or shown as safe: what git keeps, everybody with the repository has. */
export const warnOfTracked = async ({ stderr }: Context, { root, key, store }: Place): Promise<boolean> => {
  const tracked = await findTracked({ root, keyPath: key.keyPath, values: (await store.values()).values() });
  for (const file of tracked)
    stderr.write(`warning: git tracks ${file}, which must never be committed: git rm --cached ${file}\n`);
  return tracked.length > 0;
};
