import type { DockerRuntime, InstanceDetails } from '@orca/runtime-docker';
import type { ServiceSpec } from '@orca/spec';
import { adoptable } from './adoption.ts';
import type { Records } from './records.ts';
import type { ProxyRouter } from './router.ts';
import { messageOf } from './wire.ts';

export interface ResyncOptions {
  readonly runtime: DockerRuntime;
  readonly router: ProxyRouter;
  readonly records: Records;
  /** What the files say, as far as they can be read. */
  readonly specs: () => Promise<readonly ServiceSpec[]>;
  readonly intervalMs: number;
  /** Told what was seen, each time. */
  readonly onSeen: (instances: readonly InstanceDetails[]) => void;
  readonly onEvent: (event: ResyncEvent) => void;
}

export type ResyncEvent =
  | { readonly type: 'adopted'; readonly running: number; readonly routed: number }
  | { readonly type: 'lost'; readonly reason: string }
  | { readonly type: 'back' };

/**
 * Keeps the routes true to what runs: takes over running instances once, when the engine
 * first answers, and follows their addresses from then on (an engine that restarts a
 * container may give it another one). A failed look changes nothing.
 */
export const startResync = (o: ResyncOptions): { readonly first: Promise<void>; stop(): void } => {
  const stopping = new AbortController();
  let isAdopted = false;
  let isLost = false;
  const turn = async (): Promise<void> => {
    try {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(30_000)]);
      // Only what was routed before the look: an instance routed during it is newer than what was seen.
      const routed = o.router.routed();
      const details = await o.runtime.details(signal);
      const addresses = new Map(details.filter((i) => i.status === 'running').map((i) => [i.key, i.address]));
      if (!isAdopted) {
        const found = adoptable(details, await o.records.routes(), await o.specs());
        for (const { key, route } of found) o.router.adopt(key, route, addresses.get(key));
        isAdopted = true;
        o.onEvent({ type: 'adopted', running: addresses.size, routed: found.length });
      }
      o.onSeen(details);
      o.router.refresh(routed, (key) => addresses.get(key));
      if (isLost) o.onEvent({ type: 'back' });
      isLost = false;
    } catch (error) {
      if (stopping.signal.aborted) return;
      if (!isLost) o.onEvent({ type: 'lost', reason: messageOf(error) });
      isLost = true;
    }
  };
  const first = turn();
  const loop = async (): Promise<void> => {
    await first;
    while (!stopping.signal.aborted) {
      await pause(o.intervalMs, stopping.signal);
      if (!stopping.signal.aborted) await turn();
    }
  };
  void loop();
  return { first, stop: () => stopping.abort() };
};

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
