import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { AcmeError } from './errors.ts';
import { foreignText } from './foreign-text.ts';
import type { Challenge, Solver } from './ports.ts';

export interface Dns01HookOptions {
  /** Program and its arguments; no shell is involved. */
  readonly command: readonly [string, ...string[]];
  /** Added to a minimal environment (PATH, HOME): for the credentials of a DNS provider. */
  readonly env?: () => Promise<Readonly<Record<string, string>>>;
  readonly timeoutMs?: number;
  readonly path?: string;
  readonly home?: string;
}

const maxSaid = 2000;

/**
 * Answers dns-01 (RFC 8555, section 8.4) by a program: `present` is to add the TXT record that
 * ORCA_ACME_RECORD and ORCA_ACME_VALUE name, and to end with 0 once the zone's servers answer with
 * it; `cleanup` is to take that value away. It must leave other values of the same record alone:
 * a domain and its wildcard are proven by two of them at once. Both may come twice.
 */
export const dns01Hook = (options: Dns01HookOptions): Solver => ({
  type: 'dns-01',
  present: (challenge, signal) => runHook(options, 'present', challenge, signal),
  // What cannot be taken away does no harm, and must not spoil an order that went well.
  cleanUp: (challenge) => runHook(options, 'cleanup', challenge, AbortSignal.timeout(60_000)).catch(() => undefined),
});

export const dns01Value = (keyAuthorization: string): string =>
  createHash('sha256').update(keyAuthorization).digest('base64url');

const runHook = async (
  { command, env, timeoutMs = 120_000, path, home }: Dns01HookOptions,
  action: 'present' | 'cleanup',
  { name, keyAuthorization }: Challenge,
  signal: AbortSignal,
): Promise<void> => {
  const [program, ...args] = command;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const credentials = (await env?.()) ?? {};
  const own = {
    ...(path === undefined ? {} : { PATH: path }),
    ...(home === undefined ? {} : { HOME: home }),
    ...credentials,
    ORCA_ACME_DOMAIN: name,
    ORCA_ACME_RECORD: `_acme-challenge.${name}`,
    ORCA_ACME_VALUE: dns01Value(keyAuthorization),
  };
  const ended = await runProgram(program, [...args, action], own, limit);
  if (ended === undefined) return;
  signal.throwIfAborted();
  const why = limit.aborted ? `did not end within ${timeoutMs / 1000} s` : ended;
  // The message is kept on disk, and the program may have said what it was given.
  const said = without(Object.values(credentials), why);
  throw new AcmeError('ORCA_ACME_CHALLENGE', `the DNS hook \`${program} … ${action}\` ${said}`);
};

/** Shorter ones occur by chance in any text. */
const shortest = 6;

const without = (values: readonly string[], text: string): string =>
  values
    .filter((value) => value.length >= shortest)
    .toSorted((a, b) => b.length - a.length)
    .reduce((left, value) => left.replaceAll(value, '[hidden]'), text);

/** Why it failed, with the last of what it said; `undefined` when it ended with 0. */
const runProgram = (
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | undefined> =>
  new Promise((resolve) => {
    const child = spawn(program, args, { env, signal, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = `${said}${text}`.slice(-maxSaid);
      });
    child.on('error', (error) => resolve(`cannot be run: ${error.message}`));
    child.on('exit', (code, killedBy) => {
      if (code === 0) return resolve(undefined);
      const how = code === null ? `was ended by ${killedBy}` : `ended with ${code}`;
      const words = foreignText(said, maxSaid).trim().replaceAll(/\s+/g, ' ');
      return resolve(words === '' ? how : `${how}: ${words}`);
    });
  });
