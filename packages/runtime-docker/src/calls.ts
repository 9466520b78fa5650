import type Docker from 'dockerode';
import { statusOf, type Engine } from './engine.ts';
import { NetworkTurns, needsNetworkTurns, type NetworkTurn } from './network-turns.ts';
import type { Seen } from './seen.ts';

/** For calls that only change what the engine knows. */
export const shortMs = 15_000;

export interface CallsOptions {
  readonly engine: Engine;
  /** Told of every call that can change something, before it is made. */
  readonly onMutation: (call: string) => void;
  /** Told of the container that a call may have changed, whether it failed or not. */
  readonly onActed: (containerId: string) => void;
}

export interface ChangeOptions {
  /** Statuses that mean that it was so already. */
  readonly fine?: readonly number[];
  /** What it does to a network, if anything. */
  readonly turn?: NetworkTurn;
}

/** Calls that change something in the engine. */
export class Calls {
  readonly #o: CallsOptions;
  readonly #turns: NetworkTurns;

  constructor(o: CallsOptions) {
    this.#o = o;
    let isNeeded: boolean | undefined;
    this.#turns = new NetworkTurns({
      isNeeded: async () => (isNeeded ??= needsNetworkTurns((await o.engine.version()).version)),
    });
  }

  /** One mutating call. */
  async change(
    what: string,
    timeoutMs: number,
    task: (docker: Docker) => Promise<unknown>,
    { fine = [], turn }: ChangeOptions = {},
  ): Promise<void> {
    const call = async (): Promise<void> => {
      this.#o.onMutation(what);
      await this.#o.engine.call(what, timeoutMs, task);
    };
    try {
      await (turn === undefined ? call() : this.#turns.take(turn, call));
    } catch (error) {
      const status = statusOf(error);
      if (status === undefined || !fine.includes(status)) throw error;
    }
  }

  /** One mutating call on a container. */
  async act(
    { id, name }: Pick<Seen, 'id' | 'name'>,
    what: string,
    task: (container: Docker.Container) => Promise<unknown>,
    { timeoutMs = shortMs, ...options }: ChangeOptions & { readonly timeoutMs?: number } = {},
  ): Promise<void> {
    try {
      await this.change(`${what} ${name}`, timeoutMs, (docker) => task(docker.getContainer(id)), options);
    } finally {
      this.#o.onActed(id);
    }
  }
}
