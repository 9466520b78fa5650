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
  // The message is kept on disk, and the program may have said what it was given.
  const hidden = formsOf(Object.values(credentials));
  const ended = await runProgram([program, ...args, action], { env: own, signal: limit, hidden });
  if (ended === undefined) return;
  signal.throwIfAborted();
  const why = limit.aborted ? `did not end within ${timeoutMs / 1000} s` : ended;
  throw new AcmeError('ORCA_ACME_CHALLENGE', `the DNS hook \`${program} … ${action}\` ${why}`);
};

/** Shorter ones occur by chance in any text. */
const shortest = 6;

/** As programs tell them: as they are, line by line, within JSON and within an address. Longest first. */
const formsOf = (values: readonly string[]): readonly string[] => {
  const texts = values.flatMap((value) => [value, value.trim(), ...value.split('\n').map((line) => line.trim())]);
  const forms = texts.flatMap((text) => [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text.toWellFormed()),
  ]);
  return [...new Set(forms)].filter((form) => form.length >= shortest).toSorted((a, b) => b.length - a.length);
};

/** The last of a text without what is hidden, also where the one begins in the middle of the other. */
const lastWithout = (hidden: readonly string[], text: string): string => {
  let from = Math.max(0, text.length - maxSaid);
  for (const one of hidden) {
    const at = text.indexOf(one, Math.max(0, from - one.length + 1));
    if (at !== -1 && at < from) from = at;
  }
  return hidden.reduce((left, one) => left.replaceAll(one, '[hidden]'), text.slice(from));
};

/** Why it failed, with the last of what it said; `undefined` when it ended with 0. */
const runProgram = (
  [program, ...args]: readonly [string, ...string[]],
  o: {
    readonly env: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
    readonly hidden: readonly string[];
  },
): Promise<string | undefined> =>
  new Promise((resolve) => {
    const { env, signal, hidden } = o;
    const child = spawn(program, args, { env, signal, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'pipe'] });
    const kept = maxSaid + (hidden[0]?.length ?? 0);
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = `${said}${text}`.slice(-kept);
      });
    child.on('error', (error) => resolve(`cannot be run: ${error.message}`));
    child.on('exit', (code, killedBy) => {
      if (code === 0) return resolve(undefined);
      const how = code === null ? `was ended by ${killedBy}` : `ended with ${code}`;
      const words = foreignText(lastWithout(hidden, said), maxSaid).trim().replaceAll(/\s+/g, ' ');
      return resolve(words === '' ? how : `${how}: ${words}`);
    });
  });
