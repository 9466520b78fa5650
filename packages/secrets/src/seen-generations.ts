import { readFile } from 'node:fs/promises';
import { replaceFile } from './durable-file.ts';
import { withFileLock } from './file-lock.ts';

/** Which state of a secrets file was seen last: `id` stays for the life of the file, `gen` only grows. */
export interface SeenGeneration {
  readonly id: string;
  readonly gen: number;
}

/**
 * Remembers, outside of the secrets file, how far it had come: a file replaced by an older one
 * of its own opens with the right key, and only a memory elsewhere can tell.
 */
export interface SeenGenerations {
  of(path: string): Promise<SeenGeneration | undefined>;
  remember(path: string, seen: SeenGeneration): Promise<void>;
}

export const createSeenGenerations = (memoryPath: string): SeenGenerations => ({
  of: async (path) => (await load(memoryPath)).get(path),
  remember: (path, seen) =>
    withFileLock(`${memoryPath}.lock`, async () => {
      const all = await load(memoryPath);
      const known = all.get(path);
      // Another process may have seen more meanwhile.
      if (known?.id === seen.id && known.gen === seen.gen) return;
      const next = new Map([...all, [path, seen]]);
      const text = `${JSON.stringify({ version: 1, files: Object.fromEntries(next) }, undefined, 2)}\n`;
      await replaceFile(memoryPath, text, async () => true);
    }),
});

/** Lost or damaged it counts as empty: it can only be missed once. */
const load = async (memoryPath: string): Promise<ReadonlyMap<string, SeenGeneration>> => {
  try {
    const value: unknown = JSON.parse(await readFile(memoryPath, 'utf8'));
    const files = typeof value === 'object' && value !== null && 'files' in value ? value.files : undefined;
    if (typeof files !== 'object' || files === null) return new Map();
    return new Map(Object.entries(files).filter((entry): entry is [string, SeenGeneration] => isSeen(entry[1])));
  } catch {
    return new Map();
  }
};

const isSeen = (value: unknown): value is SeenGeneration =>
  typeof value === 'object' &&
  value !== null &&
  'id' in value &&
  typeof value.id === 'string' &&
  'gen' in value &&
  typeof value.gen === 'number';
