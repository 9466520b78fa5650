import { shortHash } from './store-path.ts';
import type { Certificate } from './certificate.ts';
import type { HostRecord } from './host-record.ts';
import { renewalOf, type Renewal } from './renewal.ts';

/** What is to be done for a host now. */
export type Decision =
  | { readonly do: 'look'; readonly order: NonNullable<HostRecord['order']> }
  | { readonly do: 'begin' }
  | { readonly do: 'ask-window' }
  | { readonly do: 'wait'; readonly until: number };

export interface Known {
  /** One that can serve the host, whether or not it has expired. */
  readonly certificate: Certificate | undefined;
  readonly record: HostRecord;
}

/** Pure: the same knowledge at the same time gives the same answer. */
export const decide = ({ certificate, record }: Known, now: number): Decision => {
  const { order, nextTryAt = now, nextWindowCheckAt = now } = record;
  if (order !== undefined)
    return order.nextLookAt <= now ? { do: 'look', order } : { do: 'wait', until: order.nextLookAt };
  // The authority's advice may be to renew at once, so it is asked first.
  if (certificate !== undefined && nextWindowCheckAt <= now) return { do: 'ask-window' };
  const dueAt = dueAtOf({ certificate, record }, now);
  const at = Math.max(dueAt, nextTryAt);
  if (at <= now) return { do: 'begin' };
  return { do: 'wait', until: certificate === undefined ? at : Math.min(at, nextWindowCheckAt) };
};

/** When and why the certificate is renewed, if there is one and whatever failed so far. */
export const renewalFor = ({ certificate, record }: Known, now: number): Renewal | undefined => {
  if (certificate === undefined) return undefined;
  if (record.isForced) return { at: now, why: 'it was asked for' };
  return renewalOf({ ...certificate, spread: spreadOf(certificate.serial) }, record.window);
};

const dueAtOf = (known: Known, now: number): number => renewalFor(known, now)?.at ?? now;

/** Of the serial number, so that it is the same in every process and after every restart. */
const spreadOf = (serial: string): number => Number.parseInt(shortHash(serial).slice(0, 8), 16) / 0x1_0000_0000;
