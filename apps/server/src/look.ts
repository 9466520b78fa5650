import type { Gathered, InstanceKey } from '@orca/reconcile';
import type { InstanceDetails } from '@orca/runtime-docker';
import type { ServiceSpec } from '@orca/spec';
import type { Accepted } from './accepted.ts';
import { adoptable } from './adoption.ts';
import type { Crashes } from './crashes.ts';
import type { Service } from './desired.ts';
import type { Liveness } from './liveness.ts';
import type { Records } from './records.ts';
import type { ProxyRouter } from './router.ts';
import { messageOf } from './wire.ts';

export interface LookPorts {
  readonly runtime: { details(signal: AbortSignal): Promise<readonly InstanceDetails[]> };
  readonly router: ProxyRouter;
  readonly accepted: Accepted;
  readonly liveness: Liveness;
  readonly crashes: Crashes;
  readonly records: Pick<Records, 'routes'>;
  /** What the files ask for, as far as they can be read: for what no record tells of. */
  readonly desired: (signal: AbortSignal) => Promise<readonly Service[]>;
  /** Told once, when running instances were taken over. */
  readonly onAdopted: (running: number, routed: number) => void;
}

/** The one way in which the control plane looks at the world: routes and probes learn from every look. */
export interface Look {
  gather(signal: AbortSignal): Promise<Gathered<ServiceSpec>>;
  /** What was seen last. */
  seen(): readonly InstanceDetails[];
  /** An event told that this container is not reachable any more: nothing is sent to its address from now on. */
  unreachable(containerId: string): void;
}

const longestMs = 60_000;

export const createLook = (ports: LookPorts): Look => {
  const { router, accepted, liveness, crashes } = ports;
  let seen: readonly InstanceDetails[] = [];
  let isAdopted = false;

  const adopt = async (
    details: readonly InstanceDetails[],
    addresses: ReadonlyMap<InstanceKey, string | undefined>,
    signal: AbortSignal,
  ): Promise<void> => {
    const desired = await ports.desired(signal);
    const specs = desired.map((d) => d.spec);
    const found = adoptable(details, await ports.records.routes(), specs);
    await router.adopt(found.map(({ key, route }) => ({ key, route, host: addresses.get(key) })));
    await acceptRunning(accepted, desired, details);
    isAdopted = true;
    ports.onAdopted(addresses.size, found.length);
  };

  const look = async (signal: AbortSignal): Promise<readonly InstanceDetails[]> => {
    // Only what was routed before the look: an instance routed during it is newer than what is seen.
    const routed = router.routed();
    const details = await ports.runtime.details(AbortSignal.any([signal, AbortSignal.timeout(longestMs)]));
    const addresses = new Map(details.filter((i) => i.status === 'running').map((i) => [i.key, i.address]));
    if (!isAdopted) await adopt(details, addresses, signal);
    router.refresh(routed, (key) => addresses.get(key));
    crashes.see(details);
    seen = details;
    return details;
  };

  return {
    seen: () => seen,
    unreachable: (containerId) => {
      const instance = seen.find((i) => i.containerId === containerId);
      if (instance !== undefined) router.refresh(new Set([instance.key]), () => undefined);
    },
    gather: async (signal) => {
      // Removals were confirmed when they were accepted; nothing else is in the scope.
      const base = (): Pick<Gathered<ServiceSpec>, 'desired' | 'scope' | 'allowMassRemoval'> => ({
        desired: accepted.services(),
        scope: accepted.scope(),
        allowMassRemoval: true,
      });
      try {
        const instances = await look(signal);
        const routed = routedAsWanted(router, accepted);
        return {
          ...base(),
          observed: { kind: 'known', instances, routed },
          memory: { ailing: liveness.ailing(), resting: crashes.resting() },
        };
      } catch (error) {
        signal.throwIfAborted();
        return { ...base(), observed: { kind: 'unknown', reason: messageOf(error) } };
      }
    },
  };
};

/**
 * Without a record, what runs just as the files ask for it counts as promised. What differs
 * from them is left alone until somebody deploys: the files may be half edited.
 */
const acceptRunning = async (
  accepted: Accepted,
  desired: readonly Service[],
  details: readonly InstanceDetails[],
): Promise<void> => {
  const scope = accepted.scope();
  const isRunning = (d: Service): boolean =>
    details.some((i) => i.service === d.spec.name && i.revision === d.revision && i.stage === 'current');
  const found = desired.filter((d) => !scope.has(d.spec.name) && isRunning(d));
  await accepted.promise((draft) => {
    draft.accept(found);
    for (const d of found) draft.markGood(d.spec.name);
  });
};

/** An instance of the wanted revision counts as routed only under the domain that is wanted now. */
const routedAsWanted = (router: ProxyRouter, accepted: Accepted): ReadonlySet<InstanceKey> =>
  new Set(
    [...router.routed()].filter((key) => {
      const wanted = accepted.get(key.slice(0, key.indexOf('/')));
      if (wanted === undefined || !wanted.isRouted || !key.endsWith(`@${wanted.revision}`)) return true;
      return router.isRoutedAs(key, wanted.spec.route);
    }),
  );
