import type { InstanceKey, Revision } from './model.ts';

/** The key of one slot's instance at one revision. */
export const instanceKey = (service: string, slot: number, rev: Revision): InstanceKey =>
  `${service}/${slot}@${rev}` as InstanceKey;

/** Marks a string as a revision; the caller promises that equal content gives equal text. */
export const revision = (text: string): Revision => text as Revision;
