import type { HostRecord } from './host-record.ts';
import type { CertStore, Challenge, Lease, Solver } from './ports.ts';

/** A solver that writes into the host's record what it shows, and the record as it then is. */
export interface NotingSolver {
  readonly solver: Solver;
  readonly record: () => HostRecord;
}

/**
 * Noted before it is shown: whatever becomes of the order (forgotten by the authority, replaced,
 * its host not wanted any more) and of this process, somebody can take it away.
 */
export const notingSolver = (
  solver: Solver,
  before: HostRecord,
  save: (record: HostRecord) => Promise<void>,
): NotingSolver => {
  let record = before;
  const without = ({ type, token }: Challenge): readonly Challenge[] =>
    record.shown.filter((one) => one.type !== type || one.token !== token);
  const noting: Solver = {
    type: solver.type,
    present: async (challenge, signal) => {
      if (without(challenge).length === record.shown.length) {
        record = { ...record, shown: [...record.shown, challenge] };
        await save(record);
      }
      await solver.present(challenge, signal);
    },
    cleanUp: async (challenge) => {
      await solver.cleanUp(challenge);
      record = { ...record, shown: without(challenge) };
    },
  };
  return { solver: noting, record: () => record };
};

/** Takes away what is shown for no order. What cannot be taken away does no harm, so it is tried once. */
export const withoutLeftovers = async (
  record: HostRecord,
  solvers: readonly Solver[],
  save: (record: HostRecord) => Promise<void>,
): Promise<HostRecord> => {
  if (record.order !== undefined || record.shown.length === 0) return record;
  await hideAll(record.shown, solvers);
  const next = { ...record, shown: [] };
  await save(next).catch(() => undefined);
  return next;
};

export interface TakeBackOptions {
  readonly store: CertStore;
  readonly solvers: readonly Solver[];
  readonly lease: (host: string) => Promise<Lease | undefined>;
  /** Whether the host came back meanwhile. */
  readonly isManaged: (host: string) => boolean;
}

/**
 * Takes away what is shown for a host that nobody wants a certificate for any more. Its order is
 * left as it is: nobody is asked for such a host, and one that returns goes on with it.
 */
export const takeBack = async (host: string, { store, solvers, lease, isManaged }: TakeBackOptions): Promise<void> => {
  const held = await lease(host);
  // Whoever works on it looks again whether it is wanted, once that is done.
  if (held === undefined) return;
  try {
    const { record } = await store.load(host);
    if (isManaged(host) || record.shown.length === 0) return;
    await hideAll(record.shown, solvers);
    await store.saveRecord(host, { ...record, shown: [] });
  } finally {
    await held.release();
  }
};

const hideAll = async (shown: readonly Challenge[], solvers: readonly Solver[]): Promise<void> => {
  for (const challenge of shown)
    try {
      await solvers.find(({ type }) => type === challenge.type)?.cleanUp(challenge);
    } catch {
      // What cannot be taken away does no harm; the others are still to be.
    }
};
