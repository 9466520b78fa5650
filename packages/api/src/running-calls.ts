import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** The calls under way, so that closing can cancel them and wait for them to be wound up. */
export class RunningCalls {
  readonly #running = new Map<Promise<void>, AbortController>();

  /** The signal aborts when the caller goes away or `cancel` is called. */
  async run(response: ServerResponse, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const controller = new AbortController();
    const onClose = (): void => {
      if (!response.writableFinished) controller.abort(new Error('the caller went away'));
    };
    response.once('close', onClose);
    const running = work(controller.signal);
    this.#running.set(running, controller);
    try {
      await running;
    } finally {
      this.#running.delete(running);
      response.off('close', onClose);
    }
  }

  /** Aborts every call and waits until they have ended, for as long as `graceMs`. */
  async cancel(graceMs: number): Promise<void> {
    for (const controller of this.#running.values()) controller.abort(new Error('the server is closing'));
    const late = new AbortController();
    await Promise.race([
      Promise.allSettled(this.#running.keys()),
      delay(graceMs, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
  }
}
