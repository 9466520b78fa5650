import { recoverySheet } from '@orca/secrets';
import { CliError, type Context } from '../../context.ts';
import { openPlace, type SecretsOptions } from './place.ts';

/** Prints a page with the master key and how to recover with it. It is the only thing that is ever shown of a key. */
export const exportRecovery = async (
  context: Context,
  { recovery, ...options }: SecretsOptions & { readonly recovery: boolean },
): Promise<number> => {
  if (!recovery)
    throw new CliError('values are never written out; for a page to recover with: orca secrets export --recovery', 2);
  const { store, path, key } = await openPlace(context, options);
  const state = await store.verify();
  if (state === undefined) throw new CliError('there are no secrets yet; set one: orca secrets set NAME');
  const sheet = await recoverySheet({ ...key, path, keyId: state.keyId, now: new Date() });
  context.stderr.write('this page holds the master key: print it, lock it away, and leave no copy on a disk\n');
  context.stdout.write(`${sheet}\n`);
  return 0;
};
