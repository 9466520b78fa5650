import { readFile } from 'node:fs/promises';
import { replaceFile } from './durable-file.ts';
import { ifUnlocked, withFileLock } from './file-lock.ts';

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
  /** What was just written: whatever was remembered before. */
  replace(path: string, seen: SeenGeneration): Promise<void>;
  /** What was just read: only ever further than what is remembered, and left undone while somebody else writes. */
  raise(path: string, seen: SeenGeneration): Promise<void>;
}

export const createSeenGenerations = (memoryPath: string): SeenGenerations => ({
  of: async (path) => (await load(memoryPath)).get(path),
  replace: (path, seen) => withFileLock(`${memoryPath}.lock`, () => save(memoryPath, path, seen)),
  raise: async (path, seen) => {
    await ifUnlocked(`${memoryPath}.lock`, async () => {
      const known = (await load(memoryPath)).get(path);
      // Another process may have seen more meanwhile.
      if (known === undefined || (known.id === seen.id && known.gen < seen.gen)) await save(memoryPath, path, seen);
    });
  },
});

const save = async (memoryPath: string, path: string, seen: SeenGeneration): Promise<void> => {
  const next = new Map([...(await load(memoryPath)), [path, seen]]);
  const text = `${JSON.stringify({ version: 1, files: Object.fromEntries(next) }, undefined, 2)}\n`;
  await replaceFile(memoryPath, text, async () => true);
};

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
