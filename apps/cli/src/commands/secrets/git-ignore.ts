import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../context.ts';
import type { Place } from './place.ts';

const IGNORED = ['master.key', 'master.key.*', 'secrets.json.tmp', 'secrets.json.lock', 'secrets.json.lock.*', '.env'];

/**
 * The sealed file may be committed; what would open it may not. Lines of the user's own stay
 * as they are. The secret is safe by now, so what fails here is a warning.
 */
export const keepOutOfGit = async ({ stderr }: Context, { root }: Place): Promise<void> => {
  const path = join(root, '.gitignore');
  try {
    const text = await textOf(path);
    const lines = new Set(text.split(/\r?\n/).map((line) => line.trim().replace(/^\//, '')));
    const missing = IGNORED.filter((line) => !lines.has(line));
    if (missing.length === 0) return;
    const before = text === '' || text.endsWith('\n') ? '' : '\n';
    await appendFile(path, `${before}# orca: what opens secrets.json, and values written out\n${missing.join('\n')}\n`);
  } catch (error) {
    const why = Error.isError(error) ? error.message : String(error);
    stderr.write(`warning: ${path} could not be written (${why}); see to it that git never keeps master.key\n`);
  }
};

const textOf = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
};
