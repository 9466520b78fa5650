import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What went through a target's socket from now on. */
export const tallyOf = (target: Duplex): (() => { readonly read: number; readonly written: number }) => {
  if (!(target instanceof Socket)) return () => ({ read: 0, written: 0 });
  const { bytesRead, bytesWritten } = target;
  return () => ({ read: target.bytesRead - bytesRead, written: target.bytesWritten - bytesWritten });
};
