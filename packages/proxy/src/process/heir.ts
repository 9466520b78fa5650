import { fork } from 'node:child_process';
import { ProxyError } from '../errors.ts';
import { createCalls, type Calls, type Handlers } from './calls.ts';
import { channelLine } from './line.ts';
import { eachOf, type Handles } from './listening-handle.ts';
import type { Kept } from './state-file.ts';

/** A program of a supervisor, and what tells it from another version of itself. */
export interface Program {
  readonly entry: string;
  readonly build: string;
}

export interface Inheritance extends Kept {
  readonly handles: Handles;
  readonly ticketKeys: string;
  /** The supervisor before it died, and one of its workers gives this away. */
  readonly isOrphaned?: boolean;
}

const serveWithinMs = 60_000;

/**
 * Starts another supervisor and gives it the port while it is in use: connections that wait
 * for being accepted are never reset, because somebody listens all the time. Resolves when
 * the heir serves and owns the directory; rejects with the heir ended and nothing changed.
 * `last` is what this process still answers to the heir while it ends what it has.
 */
export const raiseHeir = async (
  dir: string,
  program: Program,
  inheritance: Inheritance,
  last: Handlers,
): Promise<Calls> => {
  const child = fork(program.entry, [dir, program.build], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'json',
  });
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const heir = createCalls(channelLine(child), { ...last, ready: () => resolve() });
  child.once('error', reject);
  void heir.ended.then(() => reject(new ProxyError('ORCA_PROXY_UNREACHABLE', 'the new proxy ended at once')));
  const late = setTimeout(
    () => reject(new ProxyError('ORCA_PROXY_UNREACHABLE', 'the new proxy does not start')),
    serveWithinMs,
  );
  try {
    await ready;
    const { handles, ...kept } = inheritance;
    for (const [door, { handle, address }] of eachOf(handles)) await heir.call('handle', { door, address }, { handle });
    await heir.call('inherit', kept, { timeoutMs: serveWithinMs });
    await heir.call('takeOver', {});
    child.unref();
    return heir;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(late);
  }
};
