import { join } from 'node:path';
import { createFileStore, isSecretName, SecretValue, type SecretStore } from '@orca/secrets';
import { CliError, homeOf, type Context, type GlobalOptions } from '../context.ts';
import { infraRoot } from '../infra-root.ts';
import { readSecret } from '../read-secret.ts';

const openStore = (context: Context, options: GlobalOptions): SecretStore =>
  createFileStore({
    path: join(infraRoot(context, options), 'secrets.json'),
    keyPath: join(homeOf(context), 'master.key'),
  });

export interface SetOptions extends GlobalOptions {
  readonly name: string;
  readonly value: string | undefined;
}

/** Stores a secret: from standard input (`-`, or a prompt on a terminal), or from the argument, which the shell remembers. */
export const setSecret = async (context: Context, { name, value, ...options }: SetOptions): Promise<number> => {
  if (!isSecretName(name))
    throw new CliError(`${name} is no name for a secret: use letters, digits and _ (such as DB_PASSWORD)`, 2);
  const store = openStore(context, options);
  const isArgument = value !== undefined && value !== '-';
  if (isArgument) {
    context.stderr.write(`warning: the value is now in your shell's history; safer: orca secrets set ${name} -\n`);
  }
  const text = isArgument ? value : await readSecret(context, name);
  if (text === '') throw new CliError(`${name} was not set: the value is empty`);
  const result = await store.set(name, SecretValue.of(text));
  context.stdout.write(`${name} ${result}${result === 'changed' ? '; redeploy what uses it: orca deploy' : ''}\n`);
  return 0;
};

/** Names only, never values. */
export const listSecrets = async (
  context: Context,
  { json, ...options }: GlobalOptions & { readonly json: boolean },
): Promise<number> => {
  const infos = await openStore(context, options).names();
  if (json) context.stdout.write(`${JSON.stringify(infos, null, 2)}\n`);
  else if (infos.length === 0 && context.stdout.isTTY)
    context.stderr.write('no secrets yet; set one: orca secrets set NAME -\n');
  else {
    const width = Math.max(0, ...infos.map((i) => i.name.length));
    for (const { name, rev, updated } of infos) context.stdout.write(`${name.padEnd(width)}  rev ${rev}  ${updated}\n`);
  }
  return 0;
};

export const removeSecret = async (
  context: Context,
  { name, ...options }: GlobalOptions & { readonly name: string },
): Promise<number> => {
  if (!(await openStore(context, options).delete(name)))
    throw new CliError(`there is no secret ${name}; see: orca secrets list`);
  context.stdout.write(`${name} removed\n`);
  return 0;
};
