import { constants } from 'node:fs';
import { open, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { compare } from './faults.ts';
import type { Issue, SpecFile } from './model.ts';
import { isInside } from './mount-policy.ts';

const MAX_BYTES = 1024 * 1024;
const MAX_FILES = 2000;
const AT_ONCE = 16;

export interface InfraTexts {
  readonly cluster: SpecFile | undefined;
  readonly services: readonly SpecFile[];
  readonly issues: readonly Issue[];
}

/** The config files of an infra root, in sorted order, within the limits. Nothing outside the root is read. */
export async function readInfraTexts(root: string, signal: AbortSignal | undefined): Promise<InfraTexts> {
  const realRoot = await realpath(root);
  const directories = await serviceDirectories(root);
  const paths = [
    'cluster.toml',
    'services.toml',
    ...(directories ?? []).map((name) => `services/${name}/service.toml`),
  ];
  if (paths.length > MAX_FILES) {
    const message = `holds ${paths.length} config files, more than ${MAX_FILES}`;
    return { cluster: undefined, services: [], issues: [fileIssue('services', message)] };
  }
  const texts = await mapInOrder(paths, async (path): Promise<ReadText> => {
    signal?.throwIfAborted();
    return await readText(root, realRoot, path);
  });
  const issues = texts.flatMap((text) => ('issue' in text ? [text.issue] : []));
  const files = texts.flatMap((text) => ('file' in text ? [text.file] : []));
  const services = files.filter(({ path }) => path !== 'cluster.toml');
  if (services.length === 0 && issues.length === 0) issues.push(noServices(directories));
  return { cluster: files.find(({ path }) => path === 'cluster.toml'), services, issues };
}

export function fileIssue(file: string, message: string, severity: Issue['severity'] = 'error'): Issue {
  return { severity, file, line: 1, col: 1, path: '', message };
}

export type ReadText = { readonly file: SpecFile } | { readonly issue: Issue } | { readonly absent: true };

/** Names under `services/` that can hold a service, sorted; `undefined` when there is no such directory. */
async function serviceDirectories(root: string): Promise<readonly string[] | undefined> {
  try {
    const entries = await readdir(join(root, 'services'), { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isFile() ? [] : [entry.name])).toSorted(compare);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function readText(root: string, realRoot: string, path: string): Promise<ReadText> {
  try {
    const real = await realpath(join(root, path));
    if (!isInside(realRoot, real)) return { issue: fileIssue(path, 'is a link that leaves the infra root') };
    return await readLimited(real, path);
  } catch (error) {
    // A directory under services/ may hold something else than a service.
    if (isMissing(error)) return { absent: true };
    return { issue: fileIssue(path, `cannot be read: ${codeOf(error) ?? 'unknown error'}`) };
  }
}

/** At most 1 MiB of UTF-8 text of a regular file. */
export async function readLimited(real: string, path: string): Promise<ReadText> {
  // Without O_NONBLOCK opening a named pipe would wait for its writer for ever.
  const handle = await open(real, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) return { issue: fileIssue(path, 'is not a regular file') };
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    if (bytesRead > MAX_BYTES) return { issue: fileIssue(path, 'is larger than 1 MiB') };
    return { file: { path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, bytesRead)) } };
  } catch (error) {
    if (codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return { issue: fileIssue(path, 'is not UTF-8 text') };
    throw error;
  } finally {
    await handle.close();
  }
}

/** Without `services/` a cluster simply has none yet; with it, and nothing inside, something went missing. */
function noServices(directories: readonly string[] | undefined): Issue {
  if (directories === undefined)
    return fileIssue('services', 'there is no services/ directory: nothing would run', 'warning');
  const found =
    directories.length === 0
      ? 'is empty'
      : `has no <name>/service.toml in any of its ${directories.length} directories`;
  return fileIssue('services', `${found}; to run nothing at all, remove the directory services/`);
}

/** A bounded number at once, so that 2000 files do not mean 2000 open files and their buffers. */
async function mapInOrder<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(map))));
  }
  return results;
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '');
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}
