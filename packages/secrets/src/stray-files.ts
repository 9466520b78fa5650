import { lstat, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/**
 * Secrets files that lie where somebody may have expected them to be read: in the directories
 * given, and above the first of them up to the infra root. Earlier versions wrote into the
 * working directory. Sorted; the one that is read is not among them.
 */
export const findStrayFiles = async (path: string, directories: readonly string[]): Promise<readonly string[]> => {
  const root = dirname(path);
  const between = directories.slice(0, 1).flatMap((directory) => [...upTo(root, directory)]);
  const found = await Promise.all(
    [...new Set([...between, ...directories])].map(async (directory) => {
      const candidate = join(resolve(directory), 'secrets.json');
      return (await isFile(candidate)) && (await real(candidate)) !== (await real(path)) ? [candidate] : [];
    }),
  );
  return found.flat().toSorted();
};

function* upTo(root: string, from: string): Generator<string> {
  for (let directory = resolve(from); directory.startsWith(`${root}/`); directory = dirname(directory)) yield directory;
}

const isFile = async (path: string): Promise<boolean> => {
  try {
    return (await lstat(path)).isFile();
  } catch {
    return false;
  }
};

const real = async (path: string): Promise<string> => {
  try {
    return await realpath(path);
  } catch {
    return path;
  }
};
