import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { ProxyError } from '../errors.ts';
import { createCalls, membersOf, type Calls } from './calls.ts';
import { channelLine } from './line.ts';
import { protocol } from './protocol.ts';
import { workerArgs } from './worker-memory.ts';

export interface WorkerProcessOptions {
  /** The program of a worker. */
  readonly entry: string;
  readonly onEvents: (batch: unknown) => void;
}

/** A worker, as its supervisor sees it. */
export interface WorkerProcess {
  readonly pid: number;
  readonly calls: Calls;
  /** Resolves when it is able to hear; rejects when it ended before. */
  readonly ready: Promise<void>;
  /** How it ended. */
  readonly exited: Promise<string>;
  kill(): void;
}

const readyWithinMs = 30_000;

export const startWorkerProcess = ({ entry, onEvents }: WorkerProcessOptions): WorkerProcess => {
  // What the supervisor prints goes to its log, and so does what a worker prints.
  const child = fork(entry, {
    // A supervisor that a worker raised was started with these itself.
    execArgv: [...new Set([...process.execArgv, ...workerArgs])],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'json',
  });
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const calls = createCalls(channelLine(child), {
    ready: (params) => {
      const theirs = membersOf(params)['protocol'];
      if (theirs === protocol) resolve();
      else
        reject(
          new ProxyError(
            'ORCA_PROXY_PROTOCOL',
            `the worker speaks protocol ${String(theirs)}, not ${protocol}: its program is another version's by now; attach anew, to replace the whole proxy`,
          ),
        );
    },
    events: (batch) => onEvents(batch),
  });
  const exited = endOf(child);
  const late = setTimeout(() => child.kill('SIGKILL'), readyWithinMs);
  void exited.then((how) => reject(new ProxyError('ORCA_PROXY_UNREACHABLE', `a worker ended with ${how}`)));
  ready.then(
    () => clearTimeout(late),
    () => {
      clearTimeout(late);
      child.kill('SIGKILL');
    },
  );
  return { pid: child.pid ?? 0, calls, ready, exited, kill: () => void child.kill('SIGKILL') };
};

const endOf = async (child: ChildProcess): Promise<string> => {
  try {
    const [code, signal]: unknown[] = await once(child, 'exit');
    return typeof signal === 'string' ? signal : `code ${Number(code)}`;
  } catch (error) {
    return Error.isError(error) ? error.message : String(error);
  }
};
