import { constants } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseState, type ProxyState } from '../state.ts';
import { codeOf, membersOf } from './calls.ts';
import { parseConfig, type ProxyConfig } from './config.ts';

/** What a supervisor needs to serve again by itself. */
export interface Kept {
  readonly config: ProxyConfig;
  readonly state: ProxyState;
  /** Of the last controller. */
  readonly epoch: number;
}

/** Raised when an older version could not read it. */
const format = 1;

/**
 * What was kept, or `undefined` when nothing usable was. After a restart of the machine
 * (`boot` differs) targets are left out: their addresses may be somebody else's by now.
 * `onUnusable` hears why a file that is there is not used.
 */
export const readKept = async (
  path: string,
  boot: string,
  onUnusable = (_reason: string): void => undefined,
): Promise<Kept | undefined> => {
  try {
    const kept = membersOf(JSON.parse(await readFile(path, 'utf8')));
    if (kept['format'] !== format) throw new Error(`it has format ${String(kept['format'])}, not ${format}`);
    const state = parseState(kept['state']);
    return {
      config: parseConfig(kept['config']),
      state: kept['boot'] === boot ? state : withoutTargets(state),
      epoch: Number(kept['epoch']) || 0,
    };
  } catch (error) {
    // None, or damaged: a controller says what is to be served.
    if (codeOf(error) !== 'ENOENT') onUnusable(String(error));
    return undefined;
  }
};

const withoutTargets = (state: ProxyState): ProxyState => ({
  ...state,
  table: { ...state.table, routes: state.table.routes.map((route) => ({ ...route, targets: [] })) },
});

/**
 * Writes so that at every instant, and after a crash, either the old or the new file is
 * there, whole. It holds private keys: its owner's only. One writer at a time.
 */
export const writeKept = async (path: string, boot: string, kept: Kept): Promise<void> => {
  const temporary = `${path}.tmp`;
  try {
    await rm(temporary, { force: true });
    const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      await file.writeFile(JSON.stringify({ format, boot, ...kept }));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
};

const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
};
