import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { waitFor } from '@orca/tooling-testbed';
import { residentMb } from './processes.ts';

const probe = pathToFileURL(join(import.meta.dirname, 'heap-probe.ts')).href;

/** In MB, after all garbage was collected. */
export interface Held {
  /** Objects of JavaScript. */
  readonly heap: number;
  /** What they hold outside of the heap, such as buffers. */
  readonly external: number;
  /** The process as a whole, with what its allocators keep for later. */
  readonly resident: number;
}

/** A server's environment with which it can be asked what it holds; `file` is where it answers. */
export const heldMemoryEnv = (file: string, options: string): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `${options} --import=${probe}`,
  ORCA_FAULTS_HEAP: file,
});

/** Asks a server that was started with `heldMemoryEnv`. */
export const heldMemory = async (pid: number, file: string): Promise<Held> => {
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  await waitFor(() => existsSync(file), { what: 'what the server holds', timeoutMs: 60_000 });
  const { heapUsed, external } = JSON.parse(readFileSync(file, 'utf8')) as { heapUsed: number; external: number };
  return { heap: heapUsed / 2 ** 20, external: external / 2 ** 20, resident: residentMb(pid) };
};
