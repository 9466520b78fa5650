import type { DesiredService, InstanceKey, LastGood, Quarantine, Revision } from '@orca/reconcile';
import { claimsOf } from '@orca/runtime-docker';
import type { ServiceSpec } from '@orca/spec';
import type { AcceptedRecord, RecordedState, Records } from './records.ts';

type Desired = DesiredService<ServiceSpec>;

/**
 * What this control plane has promised to keep true: the services as the last deploy of each
 * asked for them. Files that changed since are not acted on until somebody deploys them. It
 * is written down before the first action, so that a control plane that died goes on with it.
 */
export interface Accepted {
  /** Services to be kept, as the planner wants them. */
  services(): readonly Desired[];
  /** Names this control plane may act on: what it keeps, and what it was asked to take away. */
  scope(): ReadonlySet<string>;
  get(service: string): AcceptedRecord | undefined;
  /** Its spec as it was when this revision was asked for, or last ran well. */
  specOf(service: string, revision: string): ServiceSpec | undefined;
  /** Id of the image that an instance of such a revision is made from; `undefined` where the image's name says it. */
  imageOf(key: InstanceKey): string | undefined;
  /** The deploy that asked for an instance of such a revision. */
  operationOf(key: InstanceKey): string | undefined;
  isPaused(service: string): boolean;
  /** Part of the revision: a higher one makes a new instance of what has not changed. */
  generationOf(service: string): number;
  bump(services: Iterable<string>): Promise<void>;
  accept(
    services: readonly (Desired & Pick<AcceptedRecord, 'secretDigests' | 'imageId'>)[],
    operation?: string,
  ): Promise<void>;
  /** Nobody wants them any more; they are taken away, then forgotten. */
  remove(services: readonly string[]): Promise<void>;
  /** Taken away: nothing is left to do. */
  forget(service: string): Promise<void>;
  /** What is promised of a service at this moment, to go back to. */
  promised(service: string): Promised;
  /** How often what is promised of a service has changed: whoever calls off must not undo what others asked for since. */
  changes(service: string): number;
  /** Back to what was promised before. It counts at once, even if it cannot be written down. */
  restore(service: string, before: Promised): Promise<void>;
  setPaused(service: string, isPaused: boolean): Promise<void>;
  /** What runs now was proven: the form to go back to. */
  markGood(service: string): Promise<void>;
  readonly quarantine: Quarantine;
}

/** What is promised of one service. */
export interface Promised {
  readonly record: AcceptedRecord | undefined;
  readonly isPaused: boolean;
  readonly isRemoved: boolean;
  readonly generation: number;
  /** The form to go back to, if there is one. */
  readonly good: AcceptedRecord | undefined;
  /** What failed and is not to be tried again on its own. */
  readonly failed: Failed | undefined;
}

interface Failed {
  readonly revision: Revision;
  readonly reason: string;
}

/** Reads what earlier lives of the control plane promised; `onChange` is told when what is kept, or paused, is another. */
export const openAccepted = async (records: Records, onChange: () => void = () => {}): Promise<Accepted> => {
  const state = await records.load();
  const { accepted, good, removed, paused, generation } = state;
  const quarantine = new RecordedQuarantine(records, state.quarantine);
  const changes = new Map<string, number>();
  const recordOf = (service: string, revision: string): AcceptedRecord | undefined =>
    [accepted.get(service), good.get(service)].find((record) => record?.revision === revision);
  const recordOfKey = (key: InstanceKey): AcceptedRecord | undefined =>
    recordOf(key.slice(0, key.indexOf('/')), key.slice(key.lastIndexOf('@') + 1));
  const changed = (service: string): void => void changes.set(service, (changes.get(service) ?? 0) + 1);
  return {
    services: () =>
      [...accepted].map(([name, record]) => ({
        ...record,
        claims: claimsOf(record.spec),
        isPaused: paused.has(name),
        lastGood: lastGoodOf(good.get(name)),
      })),
    scope: () => new Set([...accepted.keys(), ...removed]),
    get: (service) => accepted.get(service),
    specOf: (service, revision) => recordOf(service, revision)?.spec,
    imageOf: (key) => recordOfKey(key)?.imageId,
    operationOf: (key) => recordOfKey(key)?.operation,
    isPaused: (service) => paused.has(service),
    generationOf: (service) => generation.get(service) ?? 0,
    bump: async (services) => {
      for (const name of services) {
        const count = (generation.get(name) ?? 0) + 1;
        await records.put('generation', name, { count });
        generation.set(name, count);
      }
    },
    accept: async (services, operation) => {
      for (const { spec, revision, order, isRouted, stopGraceMs, secretDigests, imageId } of services) {
        const known = accepted.get(spec.name);
        // Asked for again as it is, nothing new is made: what runs comes from the first who asked.
        const origin = known?.revision === revision ? known.operation : operation;
        const record = { spec, revision, order, isRouted, stopGraceMs, secretDigests, imageId, operation: origin };
        await records.put('accepted', spec.name, record);
        changed(spec.name);
        accepted.set(spec.name, record);
        if (removed.delete(spec.name)) await records.delete('removed', spec.name);
      }
      onChange();
    },
    remove: async (services) => {
      for (const name of services) {
        await records.put('removed', name, {});
        changed(name);
        removed.add(name);
        await drop(records, name);
        accepted.delete(name);
        good.delete(name);
        paused.delete(name);
        quarantine.delete(name);
      }
      onChange();
    },
    forget: async (service) => {
      if (removed.delete(service)) await records.delete('removed', service);
    },
    promised: (service) => ({
      record: accepted.get(service),
      isPaused: paused.has(service),
      isRemoved: removed.has(service),
      generation: generation.get(service) ?? 0,
      good: good.get(service),
      failed: quarantine.get(service),
    }),
    changes: (service) => changes.get(service) ?? 0,
    restore: async (service, { record, isPaused, isRemoved, generation: count, good: proven, failed }) => {
      changed(service);
      // What was proven since is the better form, and what failed since is worth knowing beside what went well before.
      const lost = good.has(service) ? undefined : proven;
      if (lost !== undefined) good.set(service, lost);
      if (failed !== undefined) quarantine.set(service, failed);
      generation.set(service, count);
      if (record === undefined) accepted.delete(service);
      else accepted.set(service, record);
      for (const [set, isIn] of [[paused, isPaused] as const, [removed, isRemoved] as const])
        if (isIn) set.add(service);
        else set.delete(service);
      onChange();
      const keep = (kind: keyof RecordedState, value: object | undefined): Promise<void> =>
        value === undefined ? records.delete(kind, service) : records.put(kind, service, value);
      await keep('generation', count === 0 ? undefined : { count });
      await keep('accepted', record);
      if (lost !== undefined) await keep('good', lost);
      await keep('paused', isPaused ? {} : undefined);
      await keep('removed', isRemoved ? {} : undefined);
    },
    setPaused: async (service, isPaused) => {
      if (isPaused === paused.has(service)) return;
      changed(service);
      if (isPaused) {
        await records.put('paused', service, {});
        paused.add(service);
      } else {
        await records.delete('paused', service);
        paused.delete(service);
      }
      onChange();
    },
    markGood: async (service) => {
      const record = accepted.get(service);
      if (record === undefined || good.get(service)?.revision === record.revision) return;
      await records.put('good', service, record);
      good.set(service, record);
    },
    quarantine,
  };
};

const drop = async (records: Records, name: string): Promise<void> => {
  for (const kind of ['accepted', 'good', 'paused', 'quarantine'] as const) await records.delete(kind, name);
};

const lastGoodOf = (record: AcceptedRecord | undefined): LastGood<ServiceSpec> | undefined => record;

/** Failed revisions outlive the process: a restart must not try each of them once more. */
class RecordedQuarantine extends Map<string, Failed> {
  readonly #records: Records;

  constructor(records: Records, known: ReadonlyMap<string, Failed>) {
    super();
    this.#records = records;
    for (const [service, failed] of known) super.set(service, failed);
  }

  override set(service: string, failed: Failed): this {
    // Losing the record costs one more try.
    void this.#records.put('quarantine', service, failed).catch(() => undefined);
    return super.set(service, failed);
  }

  override delete(service: string): boolean {
    void this.#records.delete('quarantine', service).catch(() => undefined);
    return super.delete(service);
  }
}
