/** One request or upgraded connection that occupies a target. */
export interface Flight {
  /** An upgraded connection has no end of its own. */
  readonly isTunnel: boolean;
  /** Ends it now; it leaves the ledger before this returns. */
  cut(): void;
}

/** What is in flight, by target id, whatever the tables said meanwhile. */
export class Ledger {
  readonly #flights = new Map<string, Set<Flight>>();
  readonly #waiting = new Map<string, Set<() => void>>();

  count(targetId: string): number {
    return this.#flights.get(targetId)?.size ?? 0;
  }

  /** Cuts the tunnels to every target. */
  cutTunnels(): void {
    for (const targetId of this.#flights.keys()) this.cut(targetId, 'tunnels');
  }

  enter(targetId: string, flight: Flight): void {
    const flights = this.#flights.get(targetId);
    if (flights === undefined) this.#flights.set(targetId, new Set([flight]));
    else flights.add(flight);
  }

  leave(targetId: string, flight: Flight): void {
    const flights = this.#flights.get(targetId);
    if (flights?.delete(flight) !== true || flights.size > 0) return;
    this.#flights.delete(targetId);
    for (const resolve of this.#waiting.get(targetId) ?? []) resolve();
    this.#waiting.delete(targetId);
  }

  /** Cuts what is in flight, or only tunnels; returns how many. */
  cut(targetId: string, which: 'tunnels' | 'all'): number {
    const cut = [...(this.#flights.get(targetId) ?? [])].filter((flight) => which === 'all' || flight.isTunnel);
    for (const flight of cut) flight.cut();
    return cut.length;
  }

  /** Resolves when nothing is in flight; rejects with the signal's reason, leaving what flies alone. */
  async idle(targetId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.count(targetId) === 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(targetId) ?? new Set();
    this.#waiting.set(targetId, waiting.add(resolve));
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', abort);
      waiting.delete(resolve);
    }
  }
}
