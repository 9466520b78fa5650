/** A call that takes part in a network, by how it does. */
export type NetworkTurn = 'join or leave' | 'rename';

export interface NetworkTurnsOptions {
  /** Whether the engine is one of those that need it; asked before each call. */
  readonly isNeeded: () => Promise<boolean>;
  /** How long a call waits for those of the other kind before it goes ahead anyway. Default 1 s. */
  readonly patienceMs?: number;
}

const defaultPatienceMs = 1_000;

/**
 * Keeps renames apart from starts and stops. An engine before version 25 can lock up for good,
 * so that it answers no inspection of these containers until it is restarted, when one that
 * runs is renamed in the very moment in which another joins or leaves the same network: the
 * two take its locks in opposite order (of the family of moby/moby#46661). A rename is how a
 * replacement is committed, so a busy deploy makes many of them.
 *
 * A stop may take as long as its grace, and nobody waits that long: after `patienceMs` a
 * rename goes ahead. Containers that end by themselves cannot be kept apart either. What is
 * left is rare where it was one in some thousand renames of a busy machine.
 */
export class NetworkTurns {
  readonly #isNeeded: () => Promise<boolean>;
  readonly #patienceMs: number;
  readonly #underWay: Record<NetworkTurn, number> = { 'join or leave': 0, rename: 0 };
  #renamesWaiting = 0;
  readonly #waiters = new Set<() => void>();

  constructor({ isNeeded, patienceMs = defaultPatienceMs }: NetworkTurnsOptions) {
    this.#isNeeded = isNeeded;
    this.#patienceMs = patienceMs;
  }

  async take<T>(turn: NetworkTurn, task: () => Promise<T>): Promise<T> {
    if (!(await this.#isNeeded())) return task();
    await (turn === 'rename' ? this.#afterOthers() : this.#afterRenames());
    try {
      return await task();
    } finally {
      this.#underWay[turn] -= 1;
      this.#wake();
    }
  }

  /** Renames are short, and go first: starts that come one after the other would keep them waiting. */
  async #afterOthers(): Promise<void> {
    this.#renamesWaiting += 1;
    try {
      await this.#begin('rename', () => this.#underWay['join or leave'] === 0);
    } finally {
      this.#renamesWaiting -= 1;
    }
  }

  #afterRenames(): Promise<void> {
    return this.#begin('join or leave', () => this.#underWay.rename === 0 && this.#renamesWaiting === 0);
  }

  /** It counts as under way in the very step that finds it free: in the next one another call may have found the same. */
  async #begin(turn: NetworkTurn, isFree: () => boolean): Promise<void> {
    let isPatient = true;
    const patience = setTimeout(() => {
      isPatient = false;
      this.#wake();
    }, this.#patienceMs);
    while (!isFree() && isPatient) await new Promise<void>((resolve) => this.#waiters.add(resolve));
    this.#underWay[turn] += 1;
    clearTimeout(patience);
  }

  #wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }
}

/** Whether an engine of this version may lock up; one whose version tells nothing is taken for one. */
export const needsNetworkTurns = (version: string): boolean => !(Number.parseInt(version, 10) >= 25);
