import {
  instanceKey,
  plan,
  revision,
  type DesiredService,
  type Instance,
  type InstanceKey,
  type Plan,
  type PlanInput,
  type Plannable,
} from '@orca/reconcile';

type Change<T> = { readonly [K in keyof T]?: T[K] | undefined };

export const desire = (
  name: string,
  rev: string,
  change: Change<Omit<DesiredService<Plannable>, 'spec' | 'revision' | 'order'>> & {
    readonly replicas?: number;
    readonly dependsOn?: readonly string[];
    readonly order?: 'start-first' | 'stop-first';
  } = {},
): DesiredService<Plannable> => ({
  spec: { name, replicas: change.replicas ?? 1, dependsOn: change.dependsOn ?? [] },
  revision: revision(rev),
  order: { kind: change.order ?? 'start-first', reason: 'for the test' },
  isRouted: change.isRouted ?? false,
  isPaused: change.isPaused ?? false,
  stopGraceMs: change.stopGraceMs ?? 1000,
});

/** A builder of what is seen, so that a test reads like the story it checks. */
export const aCluster = (): Cluster => new Cluster();

class Cluster {
  readonly #instances: Instance[] = [];
  readonly #routed = new Set<InstanceKey>();
  readonly #ailing = new Map<InstanceKey, string>();
  readonly #resting = new Map<InstanceKey, string>();
  readonly #quarantined = new Map<string, { revision: Instance['revision']; reason: string }>();

  has(
    name: string,
    rev: string,
    change: Partial<Omit<Instance, 'service' | 'key' | 'revision'>> & { routed?: boolean } = {},
  ): this {
    const slot = change.slot ?? 1;
    const key = instanceKey(name, slot, revision(rev));
    const { routed, ...rest } = change;
    this.#instances.push({
      key,
      service: name,
      slot,
      revision: revision(rev),
      stage: 'current',
      status: 'running',
      dependsOn: [],
      drift: [],
      ...rest,
    });
    if (routed === true) this.#routed.add(key);
    return this;
  }

  failed(name: string, rev: string): this {
    this.#quarantined.set(name, { revision: revision(rev), reason: `${rev} failed before` });
    return this;
  }

  ailing(name: string, rev: string, reason: string): this {
    this.#ailing.set(instanceKey(name, 1, revision(rev)), reason);
    return this;
  }

  resting(name: string, rev: string, reason: string): this {
    this.#resting.set(instanceKey(name, 1, revision(rev)), reason);
    return this;
  }

  input(...desired: readonly DesiredService<Plannable>[]): PlanInput<Plannable> {
    return {
      desired,
      observed: { kind: 'known', instances: this.#instances, routed: this.#routed },
      memory: { quarantined: this.#quarantined, ailing: this.#ailing, resting: this.#resting },
    };
  }

  instances(): readonly Instance[] {
    return this.#instances;
  }

  plan(...desired: readonly DesiredService<Plannable>[]): Plan<Plannable> {
    return plan(this.input(...desired));
  }
}
