import { setTimeout as sleep } from 'node:timers/promises';
import type { Handlers } from './calls.ts';
import { connectTo } from './connect.ts';
import { raiseHeir, type Inheritance, type Program } from './heir.ts';
import { isAlive, readOwner } from './owner.ts';
import { placeIn } from './place.ts';

export interface OrphanOptions {
  readonly dir: string;
  readonly program: Program;
  /** Which of its siblings a worker is, from 0: they try one after another. */
  readonly nth: number;
  readonly inheritance: () => Inheritance;
  /** What it still answers while it ends what it has. */
  readonly last: Handlers;
}

const turnMs = 300;
const retryMs = 2_000;
const joinEveryMs = 50;

/**
 * What a worker does whose supervisor died: it serves on, holds the ports open, and starts
 * another supervisor for them, unless a sibling or a control plane was faster; that one it
 * joins. Resolves when there is one that serves: this worker may end what it has, by its word.
 */
export const outliveSupervisor = async (o: OrphanOptions): Promise<void> => {
  const { ownerPath } = placeIn(o.dir);
  await sleep(o.nth * turnMs);
  for (;;) {
    const owner = readOwner(ownerPath);
    // Taken away by a supervisor that ended because it was asked to.
    if (owner === undefined) return;
    if (isAlive(owner)) {
      if (await join(o)) return;
      await sleep(joinEveryMs);
      continue;
    }
    try {
      await raiseHeir(o.dir, o.program, { ...o.inheritance(), isOrphaned: true }, o.last);
      return;
    } catch {
      // Somebody else claimed the directory, or nothing can be started at the moment.
      const faster = readOwner(ownerPath);
      if (faster === undefined || !isAlive(faster)) await sleep(retryMs);
    }
  }
};

/** Tells a supervisor that somebody else started of this worker; false while it does not listen yet. */
const join = async ({ dir, last }: OrphanOptions): Promise<boolean> => {
  const heir = await connectTo(placeIn(dir), last).catch(() => undefined);
  try {
    await heir?.call('hello', { role: 'elder' });
    return heir !== undefined;
  } catch {
    heir?.end();
    return false;
  }
};
