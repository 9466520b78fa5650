import type Docker from 'dockerode';
import { statusOf, type Engine } from './engine.ts';
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

/** Calls that change something in the engine. */
export class Calls {
  readonly #o: CallsOptions;

  constructor(o: CallsOptions) {
    this.#o = o;
  }

  /** One mutating call; the statuses named mean that it was so already. */
  async change(
    what: string,
    timeoutMs: number,
    task: (docker: Docker) => Promise<unknown>,
    fine: readonly number[] = [],
  ): Promise<void> {
    this.#o.onMutation(what);
    try {
      await this.#o.engine.call(what, timeoutMs, task);
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
    { timeoutMs = shortMs, fine = [] }: { readonly timeoutMs?: number; readonly fine?: readonly number[] } = {},
  ): Promise<void> {
    try {
      await this.change(`${what} ${name}`, timeoutMs, (docker) => task(docker.getContainer(id)), fine);
    } finally {
      this.#o.onActed(id);
    }
  }
}
