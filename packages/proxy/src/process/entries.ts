import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Program } from './heir.ts';

const isSource = import.meta.url.endsWith('.ts');
/** Beside this file in the sources, and beside the bundle that this file became a part of. */
const beside = (source: string, built: string): string =>
  fileURLToPath(new URL(isSource ? source : built, import.meta.url));

/** The programs of the proxy's processes. Who bundles this package emits them as files of these names. */
export const entries: { readonly supervisor: string; readonly worker: string } = {
  supervisor: beside('./supervisor-main.ts', './proxy-supervisor.js'),
  worker: beside('./worker-main.ts', './proxy-worker.js'),
};

/** The supervisor's program as it is on disk now, told from other versions by its content. */
export const ownProgram = (): Program => {
  const hash = createHash('sha256');
  for (const path of [entries.supervisor, entries.worker]) hash.update(readFileSync(path));
  return { entry: entries.supervisor, build: hash.digest('hex').slice(0, 16) };
};
