import type { IncomingMessage, ServerResponse } from 'node:http';

/** `cut`: ends as soon as it begins. `silent`: stays open and says nothing. `doubled`: says everything twice. */
export type EventsMode = 'whole' | 'cut' | 'silent' | 'doubled';

/** Long enough for the client to see that it began. */
const beginsForMs = 10;

/** The engine's event streams that are open through the proxy. */
export class EventStreams {
  readonly #open = new Set<ServerResponse>();
  #mode: EventsMode = 'whole';

  change(mode: EventsMode): void {
    this.#mode = mode;
    if (mode === 'cut') for (const res of this.#open) res.destroy();
  }

  add(answer: IncomingMessage, res: ServerResponse): void {
    // The engine sends its header at once, and a client waits for it.
    res.flushHeaders();
    if (this.#mode === 'cut') {
      setTimeout(() => res.destroy(), beginsForMs);
      return;
    }
    this.#open.add(res);
    res.on('close', () => this.#open.delete(res));
    answer.on('error', () => res.destroy());
    answer.on('end', () => res.end());
    // One event is a line, and the engine writes each on its own.
    answer.on('data', (line: Buffer) => {
      if (this.#mode === 'silent') return;
      res.write(line);
      if (this.#mode === 'doubled') res.write(line);
    });
  }
}
