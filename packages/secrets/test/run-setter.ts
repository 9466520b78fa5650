import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { AStore } from './a-store.ts';

export const SETTER = join(import.meta.dirname, 'setter.ts');

export interface Ended {
  readonly code: number | string | undefined;
  readonly stdout: string;
}

/** Runs a command to its end; failing is an answer, not an error. */
export const run = (command: string, args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(command, args, (error, stdout) =>
      resolve({ code: error === null ? 0 : (error.code ?? undefined), stdout }),
    );
  });

export const setterArgs = (a: AStore, prefix: string, count: number, size = 8): readonly string[] => [
  SETTER,
  a.path,
  a.keyPath,
  prefix,
  String(count),
  String(size),
];
