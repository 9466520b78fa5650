import type { CertStore } from './ports.ts';

export interface SweepInput {
  readonly store: CertStore;
  readonly now: number;
  readonly graceMs: number;
  readonly managed: ReadonlySet<string>;
}

/** Removes what nobody has wanted for longer than the grace; notes since when nobody does (A23). */
export const sweepUnmanaged = async ({ store, now, graceMs, managed }: SweepInput): Promise<void> => {
  for (const host of await store.hosts()) {
    if (managed.has(host)) continue;
    const { record } = await store.load(host);
    if (record.unmanagedSince === undefined) await store.saveRecord(host, { ...record, unmanagedSince: now });
    else if (now - record.unmanagedSince > graceMs) await store.remove(host);
  }
};

/** A name that is wanted again begins a new grace when it is given up the next time. */
export const keepManaged = async (store: CertStore, host: string): Promise<void> => {
  const { record } = await store.load(host);
  if (record.unmanagedSince !== undefined) await store.saveRecord(host, { ...record, unmanagedSince: undefined });
};
