import { shortMs, type Calls } from './calls.ts';
import { aliasesOf, type Drift } from './drift.ts';
import type { Machine } from './machine.ts';
import type { Seen } from './seen.ts';

/** Puts back one thing that only concerns the container itself. */
export const mend = async (
  calls: Calls,
  seen: Seen,
  drift: Extract<Drift, { kind: 'network' | 'memory' | 'cpus' }>,
  machine: Machine,
): Promise<void> => {
  if (drift.kind === 'network') return reconnect(calls, seen, drift);
  // The engine cannot take a limit away from a running container, but it can allow all there is.
  const memory = drift.wanted === 0 ? machine.memory : drift.wanted;
  const nanoCpus = drift.wanted === 0 ? machine.cpus * 1e9 : drift.wanted;
  const limits = drift.kind === 'memory' ? { Memory: memory, MemorySwap: 2 * memory } : { NanoCpus: nanoCpus };
  await calls.act(seen, `${drift.kind} limit of`, (container) => container.update(limits));
};

/** Puts a container on a network under all its names. */
export const reconnect = async (
  calls: Calls,
  seen: Seen,
  { network, isConnected }: { readonly network: string; readonly isConnected: boolean },
): Promise<void> => {
  const { id: Container, name } = seen;
  if (isConnected) {
    await calls.change(
      `disconnect ${name} from ${network}`,
      shortMs,
      (docker) => docker.getNetwork(network).disconnect({ Container }),
      { turn: 'join or leave' },
    );
  }
  const EndpointConfig = { Aliases: [...aliasesOf(seen)] };
  await calls.change(
    `connect ${name} to ${network}`,
    shortMs,
    (docker) => docker.getNetwork(network).connect({ Container, EndpointConfig }),
    { turn: 'join or leave' },
  );
};

/**
 * Puts a stopped container on networks that were removed and made anew: it still points to the old ones by their ids,
 * which the engine will not start it with.
 */
export const rejoin = async (calls: Calls, seen: Seen, networks: readonly string[]): Promise<void> => {
  for (const network of networks) {
    await calls.change(
      `disconnect ${seen.name} from ${network}`,
      shortMs,
      (docker) => docker.getNetwork(network).disconnect({ Container: seen.id, Force: true }),
      // It may not be on this one at all.
      { fine: [404], turn: 'join or leave' },
    );
    await reconnect(calls, seen, { network, isConnected: false });
  }
};
