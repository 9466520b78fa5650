import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/** A mistake in the arguments of a command; the message says which. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

type Parsed<O extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: O; allowPositionals: true; strict: true }>
>;

export interface CommandLine<O extends ParseArgsOptionsConfig, Asked> {
  /** How the command is called, and what may be asked of it. */
  readonly usage: string;
  readonly options: O;
  /** What is asked for; a `UsageError` where that is not possible. Positionals that it has no use for it must refuse. */
  readonly read: (parsed: Parsed<O>) => Asked;
}

/** What is to be done, or what to say instead, with the exit code: 0 for help, 2 for a mistake. */
export type Reading<Asked> =
  | { readonly ok: true; readonly asked: Asked }
  | { readonly ok: false; readonly code: 0 | 2; readonly text: string };

export const readCommandLine = <const O extends ParseArgsOptionsConfig, Asked>(
  args: readonly string[],
  { usage, options, read }: CommandLine<O, Asked>,
): Reading<Asked> => {
  if (args.includes('--help') || args.includes('-h')) return { ok: false, code: 0, text: usage };
  try {
    return { ok: true, asked: read(parseArgs({ args: [...args], options, allowPositionals: true, strict: true })) };
  } catch (error) {
    if (!isMistake(error)) throw error;
    // Node goes on about arguments that begin with a dash, which no command here has.
    const [mistake] = error.message.split('. ');
    return { ok: false, code: 2, text: `${mistake}\n\n${usage}` };
  }
};

const isMistake = (error: unknown): error is Error =>
  error instanceof UsageError ||
  (Error.isError(error) && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_'));

/** Of this process: help and mistakes end it before anything is done. */
export const commandLine = <const O extends ParseArgsOptionsConfig, Asked>(o: CommandLine<O, Asked>): Asked => {
  const reading = readCommandLine(process.argv.slice(2), o);
  if (reading.ok) return reading.asked;
  (reading.code === 0 ? process.stdout : process.stderr).write(`${reading.text}\n`);
  return process.exit(reading.code);
};

/** Those of `words` that are known; any other is a mistake. */
export const known = <T extends string>(what: string, words: readonly string[], names: readonly T[]): readonly T[] =>
  words.map((word) => {
    const name = names.find((other) => other === word);
    if (name === undefined) throw new UsageError(`no such ${what}: ${word} (there are: ${names.join(', ')})`);
    return name;
  });

/** A number that is at least `least`; whole, unless a part will do. */
export const numberOf = (name: string, text: string, least: number, kind: 'whole' | 'any' = 'whole'): number => {
  const value = text.trim() === '' ? NaN : Number(text);
  if (Number.isFinite(value) && value >= least && (kind === 'any' || Number.isSafeInteger(value))) return value;
  throw new UsageError(`${name} needs a ${kind === 'whole' ? 'whole ' : ''}number of at least ${least}, not "${text}"`);
};

/** For commands that are told nothing but options. */
export const noPositionals = (positionals: readonly string[]): void => {
  if (positionals.length > 0) throw new UsageError(`unexpected argument: ${positionals.join(' ')}`);
};
