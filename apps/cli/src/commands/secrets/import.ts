import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isSecretName, SecretValue } from '@orca/secrets';
import { formatIssue, parseEnvFile } from '@orca/spec';
import { CliError, type Context } from '../../context.ts';
import { readPiped } from '../../read-secret.ts';
import { keepOutOfGit } from './git-ignore.ts';
import { openPlace, warnOfTracked, type SecretsOptions } from './place.ts';
import { notAName } from './set.ts';

export interface ImportOptions extends SecretsOptions {
  /** A file of `NAME=value` lines; `-` is standard input. */
  readonly file: string;
  readonly json: boolean;
}

/** Stores every entry of a .env file. Nothing is stored when a line of it is wrong; a second run changes nothing. */
export const importSecrets = async (context: Context, { file, json, ...options }: ImportOptions): Promise<number> => {
  const text = file === '-' ? await readPiped(context) : await read(resolve(context.cwd, file), file);
  const { values, issues } = parseEnvFile({ path: file, text });
  if (issues.length > 0) throw new CliError(issues.map(formatIssue).join('\n'));
  for (const [name, value] of values) {
    if (!isSecretName(name)) throw notAName(name);
    if (value === '') throw new CliError(`${name} is empty in ${file}; nothing was imported`);
  }
  const place = await openPlace(context, options);
  const results: { readonly name: string; readonly result: string }[] = [];
  for (const [name, value] of values)
    results.push({ name, result: await place.store.set(name, SecretValue.of(value)) });
  if (results.length > 0) await keepOutOfGit(context, place);
  await warnOfTracked(context, place);
  if (json) context.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  else {
    for (const { name, result } of results) context.stdout.write(`${name} ${result}\n`);
    if (results.length > 0 && file !== '-')
      context.stderr.write(`${file} still holds the values in clear; remove it: rm ${file}\n`);
  }
  return 0;
};

const read = async (path: string, name: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CliError(`${name} cannot be read: ${Error.isError(cause) ? cause.message : String(cause)}`);
  }
};
