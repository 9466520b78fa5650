import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { SecretPlace } from './secret-store.ts';

export interface Tampering {
  readonly what: string;
  /** Two secrets, A and B, are there. */
  readonly change: (place: SecretPlace) => Promise<void>;
  readonly says: RegExp;
}

interface Entry {
  n: string;
  ct: string;
  rev: number;
}

interface Content {
  gen: number;
  entries: Record<string, Entry>;
}

const edit =
  (change: (content: Content, a: Entry, b: Entry) => void) =>
  async (place: SecretPlace): Promise<void> => {
    const content: Content = JSON.parse(readFileSync(place.path, 'utf8'));
    const { A, B } = content.entries;
    if (A === undefined || B === undefined) throw new Error('A and B are not there');
    change(content, A, B);
    writeFileSync(place.path, JSON.stringify(content));
  };

const cut = (text: string, bytes: number): string => Buffer.from(text, 'base64').subarray(0, -bytes).toString('base64');

export const tamperings: readonly Tampering[] = [
  { what: 'a tag cut to 4 bytes', change: edit((_, a) => void (a.ct = cut(a.ct, 12))), says: /changed: A/ },
  {
    what: 'two entries swapped',
    change: edit((content, a, b) => void (content.entries = { A: b, B: a })),
    says: /changed: A, B/,
  },
  {
    what: 'an entry deleted',
    change: edit((content) => void delete content.entries['A']),
    says: /removed or put back/,
  },
  { what: 'a generation raised', change: edit((content) => void (content.gen += 1)), says: /header was changed/ },
  {
    what: 'an older file restored',
    change: async (place) => {
      const older = readFileSync(place.path);
      await place.set('A', 'newer value');
      writeFileSync(place.path, older);
    },
    says: /older than what was seen here.*--accept-older/,
  },
  {
    what: 'the key of mode 0644',
    change: async ({ keyPath }) => chmodSync(keyPath, 0o644),
    says: /may be used by others; run: chmod 600/,
  },
  {
    what: 'another key',
    change: async ({ keyPath }) =>
      writeFileSync(keyPath, `orca-master-key-1 ${Buffer.alloc(32, 7).toString('base64url')}\n`),
    says: /sealed with another master key/,
  },
  { what: 'no key', change: async ({ keyPath }) => rmSync(keyPath), says: /master key is not at .*restore it/ },
  {
    what: 'half a file',
    change: async ({ path }) => writeFileSync(path, readFileSync(path, 'utf8').slice(0, 200)),
    says: /not a secrets file that this orca reads/,
  },
];
