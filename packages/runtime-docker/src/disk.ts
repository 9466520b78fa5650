import { statfs } from 'node:fs/promises';

export interface Disk {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Of the file system that a directory is on; `undefined` when it is not on this machine. */
export const diskOf = async (directory: string): Promise<Disk | undefined> => {
  try {
    const { bavail, blocks, bsize } = await statfs(directory);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    // The engine is on another machine, or keeps its directory to itself.
    return undefined;
  }
};

const minBytes = 2 * 2 ** 30;
const minShare = 0.05;

/** Why nothing more is to be put on this disk; `undefined` while there is room. */
export const diskFault = (directory: string, { freeBytes, totalBytes }: Disk): string | undefined => {
  if (freeBytes >= minBytes && freeBytes >= totalBytes * minShare) return undefined;
  const percent = totalBytes === 0 ? 0 : Math.floor((freeBytes / totalBytes) * 100);
  return `the engine's disk is nearly full: ${Math.floor(freeBytes / 2 ** 20)} MiB (${percent} %) free in ${directory}`;
};
