import { CliError, type Context } from '../../context.ts';
import { findConsumers } from './consumers.ts';
import { openPlace, type SecretsOptions } from './place.ts';

export interface RemoveOptions extends SecretsOptions {
  readonly name: string;
  readonly force: boolean;
}

/** Forgets a value; refused while something uses it, because the next deploy would be. */
export const removeSecret = async (context: Context, { name, force, ...options }: RemoveOptions): Promise<number> => {
  const place = await openPlace(context, options);
  if (!force) {
    const consumers = await findConsumers(place.root);
    const users = consumers.of(name);
    const anyway = `to remove it anyway: orca secrets rm ${name} --force`;
    if (users.length > 0) throw new CliError(`${name} is used by ${users.join(', ')}; ${anyway}`);
    if (!consumers.isComplete)
      throw new CliError(`some files have errors, so who uses ${name} is not known; ${anyway}`);
  }
  if (!(await place.store.delete(name))) throw new CliError(`there is no secret ${name}; see: orca secrets list`);
  context.stdout.write(`${name} removed\n`);
  return 0;
};
