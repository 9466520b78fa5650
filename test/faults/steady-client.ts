import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { IsolatedEngine } from '@orca/tooling-testbed';

/** What 50 requests a second, each on a connection of its own, met with. */
export interface Answered {
  readonly requests: number;
  readonly failures: number;
  /** From the first of several failures in a row to the next success. */
  readonly longestOutageMs: number;
}

export interface SteadyClient {
  /** Ends it and tells what it saw. */
  stop(): Promise<Answered>;
}

const script = join(import.meta.dirname, 'steady-client-main.ts');

/** Asks a URL from inside the engine's network until it is stopped; `host` is what a route is found by. */
export const steadyClient = (engine: IsolatedEngine, url: string, host = 'localhost'): SteadyClient => {
  const [program, ...args] = engine.command([process.execPath, script, url, host]);
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const closed = once(child, 'close');
  return {
    stop: async () => {
      child.stdin.end();
      await closed;
      const [requests = 0, failures = 0, longestOutageMs = 0] = output.split(' ').map(Number);
      return { requests, failures, longestOutageMs };
    },
  };
};
