import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProxyError } from '../errors.ts';
import { codeOf, createCalls, type Calls, type Handlers } from './calls.ts';
import type { Program } from './heir.ts';
import { socketLine } from './line.ts';
import { bootId, isAlive, readOwner } from './owner.ts';
import type { Place } from './place.ts';

const rotateAtBytes = 10 * 1024 * 1024;
const lookEveryMs = 25;
const startWithinMs = 30_000;
/** Workers that outlived their supervisor need about a second; without them it is a pause before a start. */
const raiseWithinMs = 4_000;

/** A line to the supervisor that owns the directory; `undefined` when none listens. */
export const connectTo = async (place: Place, handlers: Handlers): Promise<Calls | undefined> => {
  const socket = connect(place.socketPath);
  const { promise, resolve, reject } = Promise.withResolvers<Socket | undefined>();
  socket.once('connect', () => resolve(socket));
  socket.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
    else reject(unreachable(`${place.socketPath}: ${error.message}`, error));
  });
  if ((await promise) === undefined) return undefined;
  return createCalls(
    socketLine(socket, () => undefined),
    handlers,
  );
};

/**
 * Starts a supervisor that outlives this process: in a session of its own, so that neither a
 * closed terminal nor its Ctrl-C reaches it. Resolves when it listens to controllers.
 */
export const startSupervisor = async (place: Place, { entry, build }: Program): Promise<void> => {
  const log = openLog(place.logPath);
  const child = spawn(process.execPath, [entry, place.dir, build], {
    detached: true,
    cwd: '/',
    env: surroundings(process.env),
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  let ended: string | undefined;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = `it ended with ${signal ?? `code ${code}`}`));
  const begun = performance.now();
  for (;;) {
    const owner = readOwner(place.ownerPath);
    // Another one that was started at the same time will do as well; ours has ended for its sake.
    const isOwned = owner !== undefined && isAlive(owner);
    if (isOwned && existsSync(place.socketPath) && (await answers(place))) return;
    const isLate = performance.now() - begun > startWithinMs;
    if ((ended !== undefined && !isOwned) || isLate) {
      const why = ended ?? `it does not listen after ${startWithinMs / 1000} s`;
      throw unreachable(`the proxy cannot be started: ${why}; ${place.logPath} says:\n${tailOf(place.logPath)}`);
    }
    await sleep(lookEveryMs);
  }
};

/**
 * Whether a supervisor that died without taking its name away is followed by another, which its
 * workers start. False when nobody comes in time, or nobody died.
 */
export const isBeingRaised = async (place: Place): Promise<boolean> => {
  const owner = readOwner(place.ownerPath);
  if (owner === undefined || owner.boot !== bootId()) return false;
  const begun = performance.now();
  while (performance.now() - begun < raiseWithinMs) {
    if (await answers(place)) return true;
    const now = readOwner(place.ownerPath);
    // Claimed, and on its way.
    const patience = now !== undefined && isAlive(now) ? startWithinMs : raiseWithinMs;
    if (performance.now() - begun > patience) break;
    await sleep(lookEveryMs);
  }
  return false;
};

/** Ends the supervisor that owns the directory and does not answer any more. */
export const killOwner = async (place: Place): Promise<void> => {
  const owner = readOwner(place.ownerPath);
  if (owner === undefined || !isAlive(owner)) return;
  process.kill(owner.pid, 'SIGKILL');
  while (isAlive(owner)) await sleep(lookEveryMs);
};

export const unreachable = (message: string, cause?: unknown): ProxyError =>
  new ProxyError('ORCA_PROXY_UNREACHABLE', message, { cause });

const answers = async (place: Place): Promise<boolean> => {
  const calls = await connectTo(place, {});
  calls?.end();
  return calls !== undefined;
};

/** Its log is told apart from the control plane's, and bounded at each start. */
const openLog = (path: string): number => {
  try {
    if (statSync(path).size > rotateAtBytes) renameSync(path, `${path}.1`);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  return openSync(path, 'a', 0o600);
};

/** What the control plane was told in its environment, tokens for instance, is none of the proxy's business. */
const surroundings = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    ['PATH', 'HOME', 'LANG', 'TZ'].flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  );

const tailOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim().split('\n').slice(-5).join('\n');
  } catch {
    return '(nothing)';
  }
};
