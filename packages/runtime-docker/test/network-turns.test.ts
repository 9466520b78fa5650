import { describe, expect, it } from '@jest/globals';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { needsNetworkTurns, NetworkTurns, type NetworkTurn } from '../src/network-turns.ts';

/** Begins calls and ends them by hand, and remembers which ran. */
class Calls {
  readonly running = new Set<string>();
  readonly #turns: NetworkTurns;

  constructor(options: { readonly isNeeded?: boolean; readonly patienceMs?: number } = {}) {
    const { isNeeded = true, patienceMs = 60_000 } = options;
    this.#turns = new NetworkTurns({ isNeeded: async () => isNeeded, patienceMs });
  }

  /** Gives what ends it. */
  async begin(turn: NetworkTurn, name: string, fails = false): Promise<() => Promise<void>> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const call = this.#turns.take(turn, async () => {
      this.running.add(name);
      await promise;
      this.running.delete(name);
      if (fails) throw new Error('failed');
    });
    await turnOfTheLoop();
    return async () => {
      resolve(undefined);
      await call.catch(() => undefined);
      await turnOfTheLoop();
    };
  }
}

describe('renames, starts and stops on an engine that locks up', () => {
  it('lets starts and stops go on beside each other, and renames too', async () => {
    const calls = new Calls();
    await calls.begin('join or leave', 'start a');
    await calls.begin('join or leave', 'stop b');
    expect([...calls.running]).toEqual(['start a', 'stop b']);
    const renames = new Calls();
    await renames.begin('rename', 'a');
    await renames.begin('rename', 'b');
    expect([...renames.running]).toEqual(['a', 'b']);
  });

  it('lets a rename wait for the starts under way, failed ones too, and new starts for the rename', async () => {
    const calls = new Calls();
    const endFirst = await calls.begin('join or leave', 'start a', true);
    const endRename = await calls.begin('rename', 'b');
    await calls.begin('join or leave', 'start c');
    expect([...calls.running]).toEqual(['start a']);
    await endFirst();
    expect([...calls.running]).toEqual(['b']);
    await endRename();
    expect([...calls.running]).toEqual(['start c']);
  });

  it.each<readonly [NetworkTurn, NetworkTurn]>([
    ['join or leave', 'rename'],
    ['rename', 'join or leave'],
  ])('keeps a %s apart from a %s that comes in the same moment', async (first, second) => {
    const calls = new Calls();
    const [end] = await Promise.all([calls.begin(first, 'a'), calls.begin(second, 'b')]);
    expect([...calls.running]).toEqual(['a']);
    await end();
    expect([...calls.running]).toEqual(['b']);
  });

  it('does not let a rename wait for a long stop, nor a start for a rename that hangs', async () => {
    const calls = new Calls({ patienceMs: 20 });
    await calls.begin('join or leave', 'stop a');
    await calls.begin('rename', 'b');
    await calls.begin('join or leave', 'start c');
    while (calls.running.size < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    expect([...calls.running].toSorted()).toEqual(['b', 'start c', 'stop a']);
  });

  it('lets nobody wait where the engine does not need it', async () => {
    const calls = new Calls({ isNeeded: false });
    await calls.begin('join or leave', 'start a');
    await calls.begin('rename', 'b');
    expect([...calls.running]).toEqual(['start a', 'b']);
  });

  it.each([
    ['20.10.24+dfsg1', true],
    ['24.0.7', true],
    ['25.0.0', false],
    ['29.1.0', false],
    ['unknown', true],
  ])('engine %s: %s', (version, isNeeded) => {
    expect(needsNetworkTurns(version)).toBe(isNeeded);
  });
});
