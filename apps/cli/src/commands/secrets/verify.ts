import { CliError, type Context } from '../../context.ts';
import { openPlace, warnOfTracked, type SecretsOptions } from './place.ts';

/** Opens everything and says whether it is whole; 1 when something is wrong. */
export const verifySecrets = async (
  context: Context,
  { json, ...options }: SecretsOptions & { readonly json: boolean },
): Promise<number> => {
  const place = await openPlace(context, options);
  const state = await place.store.verify();
  if (state === undefined) throw new CliError(`there are no secrets at ${place.path}`);
  const isTracked = await warnOfTracked(context, place);
  if (json) context.stdout.write(`${JSON.stringify({ path: place.path, ...state, isTracked }, null, 2)}\n`);
  else {
    const { count, gen, keyId } = state;
    context.stdout.write(
      `${place.path}: whole; ${count} secret${count === 1 ? '' : 's'}, generation ${gen}, opened by key ${keyId} (${place.key.keyPath})\n`,
    );
  }
  return isTracked ? 1 : 0;
};
