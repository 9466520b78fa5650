import type { DesiredService, InstanceKey, LastGood, Quarantine } from '@orca/reconcile';
import { claimsOf } from '@orca/runtime-docker';
import type { ServiceSpec } from '@orca/spec';
import { PromiseDraft, unpromised, type AcceptedRecord, type Failed, type Promised } from './promised.ts';
import { RecordedQuarantine } from './recorded-quarantine.ts';
import type { Records } from './records.ts';
import { SingleFile } from './single-file.ts';

/**
 * What this control plane has promised to keep true: the services as the last deploy of each
 * asked for them. Files that changed since are not acted on until somebody deploys them. It
 * is written down before the first action, so that a control plane that died goes on with it.
 */
export interface Accepted {
  /** Services to be kept, as the planner wants them. */
  services(): readonly DesiredService<ServiceSpec>[];
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
  /** All that is promised of a service at this moment. */
  promised(service: string): Promised;
  /** How often what is promised of a service has changed: whoever calls off must not undo what others asked for since. */
  changes(service: string): number;
  /** Promises all that `ask` asks for, or nothing: it is written down at once, and counts from then on. */
  promise(ask: (draft: PromiseDraft) => void): Promise<void>;
  /** The way back: the same, but it counts even if it cannot be written down. */
  goBack(ask: (draft: PromiseDraft) => void): Promise<void>;
  readonly quarantine: Quarantine;
}

/** Reads what earlier lives of the control plane promised; `onChange` is told when what is kept, or paused, is another. */
export const openAccepted = async (records: Records, onChange: () => void = () => {}): Promise<Accepted> => {
  /** As it is in the records: what could not be written is written with the next change of its service. */
  const written = new Map(await records.load());
  const promises = new Map(written);
  const changes = new Map<string, number>();
  /** One after another: each begins with what the one before it left. */
  const writing = new SingleFile();
  const quarantine = new RecordedQuarantine(promises, (service) => {
    // Losing the record costs one more try.
    void writing.run(() => write(new Map([[service, promised(service)]]))).catch(() => undefined);
  });
  const write = async (next: ReadonlyMap<string, Promised>): Promise<void> => {
    await records.write(next, written);
    for (const [service, p] of next) written.set(service, p);
  };
  const promised = (service: string): Promised => ({
    ...(promises.get(service) ?? unpromised),
    failed: quarantine.get(service),
  });
  const take = (draft: PromiseDraft, from: ReadonlyMap<string, Failed>): void => {
    let isOther = false;
    for (const [service, next] of draft.promises) {
      const was = promised(service);
      if (next.record !== was.record || next.isPaused !== was.isPaused) isOther = true;
      promises.set(service, next);
      // What failed meanwhile is known to the loop already.
      if (next.failed !== from.get(service)) quarantine.learn(service, next.failed);
    }
    for (const service of draft.wanted) changes.set(service, (changes.get(service) ?? 0) + 1);
    if (isOther) onChange();
  };
  const change = (ask: (draft: PromiseDraft) => void, counts: 'once written' | 'anyway'): Promise<void> =>
    writing.run(async () => {
      const from = new Map(quarantine);
      const draft = new PromiseDraft(promised);
      ask(draft);
      if (draft.promises.size === 0) return;
      if (counts === 'anyway') take(draft, from);
      await write(draft.promises);
      if (counts === 'once written') take(draft, from);
    });
  const recordOf = (service: string, revision: string): AcceptedRecord | undefined => {
    const { record, good } = promised(service);
    return [record, good].find((r) => r?.revision === revision);
  };
  const recordOfKey = (key: InstanceKey): AcceptedRecord | undefined =>
    recordOf(key.slice(0, key.indexOf('/')), key.slice(key.lastIndexOf('@') + 1));
  return {
    services: () =>
      [...promises.values()].flatMap(({ record, isPaused, good }) =>
        record === undefined
          ? []
          : [{ ...record, claims: claimsOf(record.spec), isPaused, lastGood: lastGoodOf(good) }],
      ),
    scope: () => new Set([...promises].flatMap(([name, p]) => (p.record !== undefined || p.isRemoved ? [name] : []))),
    get: (service) => promised(service).record,
    specOf: (service, revision) => recordOf(service, revision)?.spec,
    imageOf: (key) => recordOfKey(key)?.imageId,
    operationOf: (key) => recordOfKey(key)?.operation,
    isPaused: (service) => promised(service).isPaused,
    generationOf: (service) => promised(service).generation,
    promised,
    changes: (service) => changes.get(service) ?? 0,
    promise: (ask) => change(ask, 'once written'),
    goBack: (ask) => change(ask, 'anyway'),
    quarantine,
  };
};

const lastGoodOf = (record: AcceptedRecord | undefined): LastGood<ServiceSpec> | undefined => record;
