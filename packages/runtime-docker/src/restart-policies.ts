import type { ContainerInspectInfo } from 'dockerode';
import type { InstanceKey } from '@orca/reconcile';
import type { Calls } from './calls.ts';
import { restartOf, type RestartPolicy } from './labels.ts';
import type { Seen } from './seen.ts';

export const noRestart: RestartPolicy = { Name: 'no', MaximumRetryCount: 0 };

export interface RestartPoliciesOptions {
  readonly calls: Calls;
  /** `undefined` when it is gone. */
  readonly inspect: (id: string) => Promise<ContainerInspectInfo | undefined>;
  /** Whether only orca may start it again for now. */
  readonly isHeld: (key: InstanceKey) => boolean;
}

/** Who starts a container again when it ends: the engine by its policy, or orca alone. */
export class RestartPolicies {
  readonly #o: RestartPoliciesOptions;

  constructor(o: RestartPoliciesOptions) {
    this.#o = o;
  }

  /** Whoever crashes again and again is started by orca alone: the engine would not let it rest. */
  wanted({ key, labels }: Seen): RestartPolicy {
    return this.#o.isHeld(key) ? noRestart : restartOf(labels);
  }

  /** Asking is cheap, and changing costs the engine ten times as much: only what differs is changed. */
  async set(seen: Seen, policy: RestartPolicy): Promise<void> {
    const inspected = seen.inspected ?? (await this.#o.inspect(seen.id));
    if (inspected === undefined || inspected.HostConfig.RestartPolicy?.Name === policy.Name) return;
    const what = `restart policy ${policy.Name} for`;
    await this.#o.calls.act(seen, what, (container) => container.update({ RestartPolicy: policy }), { fine: [404] });
  }
}
