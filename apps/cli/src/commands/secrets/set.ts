import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSecretName, SecretValue } from '@orca/secrets';
import { CliError, type Context } from '../../context.ts';
import { readSecret } from '../../read-secret.ts';
import { findConsumers } from './consumers.ts';
import { openPlace, warnOfTracked, type Place, type SecretsOptions } from './place.ts';

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
  if (result !== 'unchanged') await keepOutOfGit(place);
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

const IGNORED = ['master.key', 'master.key.*', 'secrets.json.tmp', 'secrets.json.lock', 'secrets.json.lock.*', '.env'];

/** The sealed file may be committed; what would open it may not. Lines of the user's own stay as they are. */
export const keepOutOfGit = async ({ root }: Place): Promise<void> => {
  const path = join(root, '.gitignore');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = new Set(text.split(/\r?\n/).map((line) => line.trim().replace(/^\//, '')));
  const missing = IGNORED.filter((line) => !lines.has(line));
  if (missing.length === 0) return;
  const before = text === '' || text.endsWith('\n') ? '' : '\n';
  await appendFile(path, `${before}# orca: what opens secrets.json, and values written out\n${missing.join('\n')}\n`);
};
