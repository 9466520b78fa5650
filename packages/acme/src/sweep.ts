import type { CertStore, Lease } from './ports.ts';

export interface SweepInput {
  readonly store: CertStore;
  readonly now: number;
  readonly graceMs: number;
  readonly managed: ReadonlySet<string>;
  /** Of the host: what somebody works on is not written to, and has its turn the next time. */
  readonly lease: (host: string) => Promise<Lease | undefined>;
}

/**
 * Removes what nobody has wanted for longer than the grace; notes since when nobody does (A23).
 * Gives the hosts for which something is shown to an authority although nobody wants them.
 */
export const sweepUnmanaged = async (o: SweepInput): Promise<readonly string[]> => {
  const shown: string[] = [];
  for (const host of await o.store.hosts()) {
    if (o.managed.has(host)) continue;
    try {
      if (await sweepHost(o, host)) shown.push(host);
    } catch {
      // What is wrong with the files of one that nobody wants is no reason to leave the others.
    }
  }
  return shown;
};

/** A name that is wanted again begins a new grace when it is given up the next time. */
export const keepManaged = async (
  { store, lease }: Pick<SweepInput, 'store' | 'lease'>,
  host: string,
): Promise<void> => {
  const { record } = await store.load(host);
  if (record.unmanagedSince === undefined) return;
  await alone(lease, host, async () => {
    const now = await store.load(host);
    await store.saveRecord(host, { ...now.record, unmanagedSince: undefined });
  });
};

/** Whether something is shown for it. */
const sweepHost = async (o: SweepInput, host: string): Promise<boolean> => {
  const { record } = await o.store.load(host);
  const { unmanagedSince } = record;
  if (unmanagedSince === undefined || o.now - unmanagedSince > o.graceMs)
    await alone(o.lease, host, () => sweepOne(o, host));
  return record.shown.length > 0;
};

const sweepOne = async ({ store, now, graceMs }: SweepInput, host: string): Promise<void> => {
  const { record } = await store.load(host);
  if (record.unmanagedSince === undefined) await store.saveRecord(host, { ...record, unmanagedSince: now });
  else if (now - record.unmanagedSince > graceMs) await store.remove(host);
};

const alone = async (lease: SweepInput['lease'], host: string, body: () => Promise<void>): Promise<void> => {
  const held = await lease(host);
  if (held === undefined) return;
  try {
    await body();
  } finally {
    await held.release();
  }
};
