import { setTimeout as sleep } from 'node:timers/promises';
import type { Handlers } from './calls.ts';
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
/** Until a new supervisor that somebody else started has workers of its own. */
const settleMs = 5_000;

/**
 * What a worker does whose supervisor died: it serves on, holds the ports open, and starts
 * another supervisor for them, unless a sibling or a control plane was faster. Resolves when
 * there is one, and this worker may end what it has.
 */
export const outliveSupervisor = async (o: OrphanOptions): Promise<void> => {
  const { ownerPath } = placeIn(o.dir);
  await sleep(o.nth * turnMs);
  for (;;) {
    const owner = readOwner(ownerPath);
    // Taken away by a supervisor that ended because it was asked to.
    if (owner === undefined) return;
    if (isAlive(owner)) {
      await sleep(settleMs);
      if (isAlive(owner)) return;
      continue;
    }
    try {
      await raiseHeir(o.dir, o.program, { ...o.inheritance(), isOrphaned: true }, o.last);
      return;
    } catch {
      // Somebody else claimed the directory, or nothing can be started at the moment.
      await sleep(retryMs);
    }
  }
};
