import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileStore, type FileStore, SecretValue } from '@orca/secrets';

/** A store in a directory of its own, with its two files at hand. */
export interface AStore extends Disposable {
  readonly directory: string;
  readonly path: string;
  readonly keyPath: string;
  readonly store: FileStore;
  set(name: string, text: string): Promise<string>;
  reveal(name: string): Promise<string | undefined>;
  /** Another process would see it like this. */
  reopened(): FileStore;
  raw(): string;
  /** Rewrites the file by hand. */
  edit(change: (file: FileContent) => void): void;
}

export interface FileContent {
  format: string;
  kid: string;
  gen: number;
  kcv: string;
  wrapped_dek: { n: string; ct: string };
  entries: Record<string, { n: string; ct: string; rev: number; updated: string }>;
  mac: string;
}

export const aStore = (): AStore => {
  const directory = mkdtempSync(join(tmpdir(), 'orca-secrets-'));
  const path = join(directory, 'secrets.json');
  const keyPath = join(directory, 'home', 'master.key');
  const store = createFileStore({ path, keyPath });
  const raw = (): string => readFileSync(path, 'utf8');
  return {
    directory,
    path,
    keyPath,
    store,
    set: (name, text) => store.set(name, SecretValue.of(text)),
    reveal: async (name) => (await store.get(name))?.reveal(),
    reopened: () => createFileStore({ path, keyPath }),
    raw,
    edit: (change) => {
      const file: FileContent = JSON.parse(raw());
      change(file);
      writeFileSync(path, JSON.stringify(file));
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
};

export const entryOf = (file: FileContent, name: string): FileContent['entries'][string] => {
  const entry = file.entries[name];
  if (entry === undefined) throw new Error(`no entry ${name}`);
  return entry;
};
