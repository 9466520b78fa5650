import { endedMetrics, mergeMetrics, type MetricsSnapshot } from '../metrics/snapshot.ts';
import { membersOf, type Calls } from './calls.ts';

const nothing: MetricsSnapshot = { connections: { accepted: 0, open: 0 }, logDropped: 0, routes: [] };

/** Adds up what processes count, also after they ended: a counter that goes back looks like a restart. */
export class Tally {
  readonly #latest = new Map<Calls, MetricsSnapshot>();
  #ended: MetricsSnapshot = nothing;

  /** Asks everybody; of one that does not answer, what it said last counts. */
  async take(processes: readonly Calls[]): Promise<MetricsSnapshot> {
    const ask = async (calls: Calls): Promise<void> => {
      try {
        this.note(calls, await calls.call('metrics', {}));
      } catch {
        // It ends, or hangs: neither is for the reader of metrics to know.
      }
    };
    await Promise.all(processes.map(ask));
    return mergeMetrics([this.#ended, ...this.#latest.values()]);
  }

  note(calls: Calls, said: unknown): void {
    const snapshot = readMetrics(said);
    if (snapshot !== undefined) this.#latest.set(calls, snapshot);
  }

  ended(calls: Calls): void {
    const last = this.#latest.get(calls);
    this.#latest.delete(calls);
    if (last !== undefined) this.#ended = mergeMetrics([this.#ended, endedMetrics(last)]);
  }
}

/** What a process of this version says is as it should be, once its head is. */
export const readMetrics = (value: unknown): MetricsSnapshot | undefined => {
  const { connections, logDropped, routes } = membersOf(value);
  const { accepted, open } = membersOf(connections);
  if (typeof accepted !== 'number' || typeof open !== 'number' || !Array.isArray(routes)) return undefined;
  return {
    connections: { accepted, open },
    logDropped: Number(logDropped) || 0,
    routes: routes as MetricsSnapshot['routes'],
  };
};
