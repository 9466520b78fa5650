import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** What every command needs of its surroundings; the only place that reads the process. */
export interface Context {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly version: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Options that every command takes. */
export interface GlobalOptions {
  readonly api: string | undefined;
  readonly dir: string | undefined;
}

/** Exit code of a command that was misused. */
export const usageError = 2;

/** A failure whose message is all that the user needs. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  readonly code = 'ORCA_CLI';
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** `~/.orca`, unless `ORCA_HOME` names another place. */
export const homeOf = ({ env, cwd }: Pick<Context, 'env' | 'cwd'>): string =>
  env['ORCA_HOME'] === undefined || env['ORCA_HOME'] === '' ? join(homedir(), '.orca') : resolve(cwd, env['ORCA_HOME']);

export const apiUrl = ({ env }: Pick<Context, 'env'>, options: GlobalOptions): string =>
  options.api ?? env['ORCA_API'] ?? 'http://127.0.0.1:6880';

export interface Token {
  readonly token: string;
  /** Where it came from, for the message when it is refused. */
  readonly source: string;
}

/** The bearer token: `ORCA_TOKEN`, else the file that the server wrote at its first start. */
export const readToken = (context: Pick<Context, 'env' | 'cwd'>): Token => {
  const fromEnv = context.env['ORCA_TOKEN'];
  if (fromEnv !== undefined && fromEnv !== '') return { token: fromEnv, source: 'ORCA_TOKEN' };
  const path = join(homeOf(context), 'cluster.token');
  try {
    return { token: readFileSync(path, 'utf8').trim(), source: path };
  } catch {
    // Without a token the server still answers, if only to say that one is needed.
    return { token: 'none', source: `${path}, which cannot be read` };
  }
};
