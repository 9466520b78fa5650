/** A string that only a constructor of this package can make. */
export type Brand<T, B extends string> = T & { readonly __brand: B };

/** Identity of an instance's content: two equal revisions never need a restart between them. */
export type Revision = Brand<string, 'Revision'>;

/** `service/slot@revision`: known before the instance exists, so `create` is idempotent and planning mints no ids. */
export type InstanceKey = Brand<string, 'InstanceKey'>;

/**
 * What the planner asks of a caller's spec. orca's `ServiceSpec` fits by shape together with
 * its update order; an embedder brings their own nouns.
 */
export interface Plannable {
  /** Unique among the desired services. */
  readonly name: string;
  /** Wanted instances; slots are numbered from 1. */
  readonly replicas: number;
  /** Names of services that must be ready before this one starts. */
  readonly dependsOn: readonly string[];
}

/** One service that should exist, with what its text alone cannot tell. */
export interface DesiredService<S extends Plannable> {
  readonly spec: S;
  /** Revision that every slot should run. */
  readonly revision: Revision;
  /** `start-first` keeps the old instance until the new one is ready; `stop-first` never lets two run. */
  readonly order: UpdateOrder;
  /** Whether requests are routed to it: routed instances are routed after readiness and drained before they stop. */
  readonly isRouted: boolean;
  /** The user asked for it to be stopped: keep nothing running, remove nothing. */
  readonly isPaused: boolean;
  /** How long a stopping instance may take before it is killed. */
  readonly stopGraceMs: number;
  /** Why its revision is another one, where its owner can tell: shown as the reason of what is done. */
  readonly change?: string | undefined;
  /** What it needs for itself alone while it runs. */
  readonly claims?: readonly Claim[] | undefined;
  /** What was last proven to work: brought up again when the wanted revision failed and nothing proven is there. */
  readonly lastGood?: LastGood<S> | undefined;
}

/**
 * Something that one service at a time may have, such as a host port or a volume with one writer. A service does not
 * start while one that gives it up still has it. Two that claim the same for good share it on purpose.
 */
export interface Claim {
  /** In words a user reads, such as `volume data`; compared with what instances hold. */
  readonly what: string;
  /** The world itself refuses a second holder: two services that swap such things need not wait for each other. */
  readonly isGuarded: boolean;
}

/** Enough of a service's last proven form to run it again. */
export type LastGood<S extends Plannable> = Pick<
  DesiredService<S>,
  'spec' | 'revision' | 'order' | 'isRouted' | 'stopGraceMs'
>;

export interface UpdateOrder {
  readonly kind: 'start-first' | 'stop-first';
  /** Why, in words a user reads in the plan. */
  readonly reason: string;
}

/**
 * Which role an instance plays in its slot. A `candidate` is unproven; `commit` makes it
 * `current` and the one before it `retired`. At most one instance of a slot is current.
 */
export type Stage = 'candidate' | 'current' | 'retired';

/** What was seen of one instance. */
export interface Instance {
  readonly key: InstanceKey;
  readonly service: string;
  readonly slot: number;
  readonly revision: Revision;
  readonly stage: Stage;
  /** `created` never ran; `running` includes restarting; `removing` is already on its way out. */
  readonly status: 'created' | 'running' | 'paused' | 'exited' | 'removing';
  /** Dependencies it was created with, so that a service gone from the config still stops in order. */
  readonly dependsOn: readonly string[];
  /** What it has for itself alone while it runs; see `Claim`. */
  readonly holds?: readonly string[] | undefined;
  /** What somebody changed since it was created, in words; `repair` puts it back without a restart. */
  readonly drift: readonly string[];
}

/** The world as seen at one moment. A failed look is `unknown`, which is never the same as empty. */
export type ObservedState =
  | { readonly kind: 'unknown'; readonly reason: string }
  | {
      readonly kind: 'known';
      readonly instances: readonly Instance[];
      /** Routing is observed like everything else: a step that failed must not count as done. */
      readonly routed: ReadonlySet<InstanceKey>;
    };

/** What earlier turns learned that the world does not show. Losing it costs retries, never a workload. */
export interface Memory {
  /** Revisions that failed, by service, with the reason; they are not tried again on their own. */
  readonly quarantined: Quarantined;
  /** Running instances that are to be restarted now, with the reason: they failed their liveness probe. */
  readonly ailing?: ReadonlyMap<InstanceKey, string>;
  /** Instances that are to stay down for now, with the reason: they crash again and again. */
  readonly resting?: ReadonlyMap<InstanceKey, string>;
}

/** Failed revisions by service. */
export type Quarantined = ReadonlyMap<string, { readonly revision: Revision; readonly reason: string }>;

export interface PlanInput<S extends Plannable> {
  readonly desired: readonly DesiredService<S>[];
  readonly observed: ObservedState;
  readonly memory: Memory;
  /** Only these services may be touched; absent means all. */
  readonly scope?: ReadonlySet<string>;
  /** Services outside the scope that are being changed at this moment: what depends on them waits. */
  readonly unsettled?: ReadonlySet<string>;
  /** Confirms a removal that the prune guard would refuse. */
  readonly allowMassRemoval?: boolean;
}

/** One entry an action; the mapped union below ties each payload to its kind. */
export interface Actions<S extends Plannable> {
  /** Fetch what `create` needs (an image), before anything is stopped. */
  prepare: { readonly spec: S };
  create: {
    readonly key: InstanceKey;
    readonly slot: number;
    readonly revision: Revision;
    readonly spec: S;
    /** A proven instance is in the slot: until `commit`, nobody but its owner may start the new one. */
    readonly isReplacement: boolean;
  };
  start: { readonly key: InstanceKey };
  awaitReady: { readonly key: InstanceKey; readonly spec: S; readonly isReplacement: boolean };
  route: { readonly key: InstanceKey; readonly spec: S };
  drain: { readonly key: InstanceKey };
  stop: { readonly key: InstanceKey; readonly graceMs: number };
  commit: { readonly key: InstanceKey };
  /** Puts back what somebody changed on a proven instance. */
  repair: { readonly key: InstanceKey };
  remove: { readonly key: InstanceKey; readonly what: Removed };
}

/**
 * What a removed instance was. Only of `unwanted` ones does the service itself go: `replaced` is the one before an
 * update, `surplus` lies beyond the wanted number, `leftover` is what an earlier try left in a service that stays.
 */
export type Removed = 'unwanted' | 'replaced' | 'surplus' | 'leftover';

export type ActionKind = keyof Actions<Plannable>;
export type ActionOf<S extends Plannable, K extends ActionKind = ActionKind> = {
  [P in K]: { readonly kind: P; readonly service: string; readonly reason: string } & Actions<S>[P];
}[K];

export interface Step<S extends Plannable> {
  /** Stable for the same input, for example `web/1 start`. */
  readonly id: string;
  /** Steps that must have succeeded first. */
  readonly after: readonly string[];
  readonly action: ActionOf<S>;
}

/** A service that this plan cannot bring to its desired state. */
export interface Blocked {
  readonly service: string;
  readonly reasons: readonly string[];
  /** Services whose change would let it go on; empty when only new input helps. */
  readonly waitsFor: readonly string[];
}

/** What is to be done, as data. The same input in any order gives the same plan. */
export interface Plan<S extends Plannable> {
  readonly steps: readonly Step<S>[];
  readonly blocked: readonly Blocked[];
  /** Services that already are as desired. */
  readonly unchanged: readonly string[];
}
