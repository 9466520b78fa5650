import type { EngineEvent } from '@orca/runtime-docker';

export interface EngineEventsOptions {
  /** Something happened to one of these services; told once for all that happened within the pause. */
  readonly onServices: (services: ReadonlySet<string>) => void;
  /** Events may have been missed: the whole world is to be looked at. */
  readonly onMissed: () => void;
  readonly pauseMs: number;
}

/** Gathers the engine's events: one change makes several of them, and a deploy makes hundreds. */
export class EngineEvents {
  readonly #o: EngineEventsOptions;
  readonly #services = new Set<string>();
  #wereMissed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(o: EngineEventsOptions) {
    this.#o = o;
  }

  hear(event: EngineEvent): void {
    if (event.type === 'disconnected') return;
    if (event.type === 'connected') this.#wereMissed = true;
    // Somebody else's container.
    else if (event.service === undefined) return;
    else this.#services.add(event.service);
    this.#timer ??= setTimeout(() => this.#tell(), this.#o.pauseMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #tell(): void {
    this.#timer = undefined;
    const services = new Set(this.#services);
    const wereMissed = this.#wereMissed;
    this.#services.clear();
    this.#wereMissed = false;
    if (services.size > 0) this.#o.onServices(services);
    if (wereMissed) this.#o.onMissed();
  }
}
