import { isSecretName, SecretValue } from '@orca/secrets';
import { CliError, type Context } from '../../context.ts';
import { readSecret } from '../../read-secret.ts';
import { findConsumers } from './consumers.ts';
import { keepOutOfGit } from './git-ignore.ts';
import { openPlace, warnOfTracked, type SecretsOptions } from './place.ts';

export interface SetOptions extends SecretsOptions {
  readonly name: string;
  readonly value: string | undefined;
  readonly json: boolean;
}

/** Stores a secret: from standard input (`-`, or a prompt on a terminal), or from the argument, which the shell remembers. */
export const setSecret = async (context: Context, { name, value, json, ...options }: SetOptions): Promise<number> => {
  if (!isSecretName(name)) throw notAName(name);
  const place = await openPlace(context, options);
  const isArgument = value !== undefined && value !== '-';
  if (isArgument) {
    context.stderr.write(`warning: the value is now in your shell's history; safer: orca secrets set ${name} -\n`);
  }
  const text = isArgument ? value : await readSecret(context, name);
  if (text === '') throw new CliError(`${name} was not set: the value is empty`);
  const result = await place.store.set(name, SecretValue.of(text));
  if (result !== 'unchanged') await keepOutOfGit(context, place);
  await warnOfTracked(context, place);
  const users = result === 'changed' ? (await findConsumers(place.root)).of(name) : [];
  const services = users.filter((user) => user !== 'cluster.toml');
  if (json) context.stdout.write(`${JSON.stringify({ name, result, consumers: users }, null, 2)}\n`);
  else {
    const next = services.length === 0 ? '' : `; takes effect with: orca deploy ${services.join(' ')}`;
    context.stdout.write(`${name} ${result}${next}\n`);
  }
  return 0;
};

export const notAName = (name: string): CliError =>
  new CliError(`${name} is no name for a secret: use letters, digits and _ (such as DB_PASSWORD)`, 2);
