import { rename, stat } from 'node:fs/promises';
import type { LogRotation } from './settings.ts';

export interface LogRotatorOptions extends LogRotation {
  readonly path: string;
  /** Makes everybody who writes to the file reopen it. */
  readonly onRotated: () => Promise<unknown> | void;
  /** Told once when the file cannot be turned over; it is tried again, and the next failure after a success is told again. */
  readonly onError: (cause: unknown) => void;
  readonly everyMs?: number;
}

export interface LogRotator {
  /** Ends the watch; a rotation under way is finished. */
  close(): Promise<void>;
}

/**
 * Watches the size of a log and turns it over. One process does this for a file, however many
 * write to it: until they have reopened it they go on in `path.1`, and nothing is lost.
 */
export const createLogRotator = (options: LogRotatorOptions): LogRotator => {
  let running: Promise<void> = Promise.resolve();
  let isRunning = false;
  let isFailing = false;
  const look = async (): Promise<void> => {
    try {
      if (await rotateLog(options)) await options.onRotated();
      isFailing = false;
    } catch (cause) {
      if (!isFailing) options.onError(cause);
      isFailing = true;
    }
    isRunning = false;
  };
  const timer = setInterval(() => {
    if (isRunning) return;
    isRunning = true;
    running = look();
  }, options.everyMs ?? 1_000).unref();
  return {
    close: async () => {
      clearInterval(timer);
      await running;
    },
  };
};

/**
 * Renames a log that is large enough, and every former one behind it; says whether it did. One
 * that died half-way left a gap, which the next one fills.
 */
export const rotateLog = async ({
  path,
  maxBytes,
  keep,
}: LogRotation & { readonly path: string }): Promise<boolean> => {
  if ((await sizeOf(path)) < maxBytes) return false;
  for (let age = keep; age > 1; age -= 1) await renameIfThere(`${path}.${age - 1}`, `${path}.${age}`);
  await rename(path, `${path}.1`);
  return true;
};

const sizeOf = async (path: string): Promise<number> => {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    if (isMissing(cause)) return 0;
    throw cause;
  }
};

const renameIfThere = async (from: string, to: string): Promise<void> => {
  try {
    await rename(from, to);
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
  }
};

const isMissing = (cause: unknown): boolean => Error.isError(cause) && 'code' in cause && cause.code === 'ENOENT';
