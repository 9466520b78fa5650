import { realpathSync } from 'node:fs';
import { findInfraRoot } from '@orca/spec/files';
import { CliError, type Context, type GlobalOptions } from './context.ts';

/** The infra repository that the command stands in, if it stands in one. */
export const infraRootOrNone = ({ cwd, env }: Context, { dir }: GlobalOptions): string | undefined => {
  const found = findInfraRoot({ cwd, explicit: dir, env });
  return 'root' in found ? realpathSync(found.root) : undefined;
};

export const infraRoot = (context: Context, options: GlobalOptions): string => {
  const found = findInfraRoot({ cwd: context.cwd, explicit: options.dir, env: context.env });
  if ('root' in found) return realpathSync(found.root);
  throw new CliError(
    `this is no infra repository: no cluster.toml and no services/ in ${found.looked.join(', ')}\nChange to it first (cd ~/orca), or name it: --dir ~/orca`,
  );
};
