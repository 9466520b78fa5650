import type { HttpVersion } from './client-side.ts';
import { fieldValues } from './raw-fields.ts';
import type { RawFields } from './upstream.ts';

/** Whether a request has passed a proxy of this name before (RFC 9110 §7.6.3). */
export const hasPassed = (fields: RawFields, pseudonym: string): boolean => {
  for (const value of fieldValues(fields, 'via')) {
    for (const hop of value.split(',')) if (receiverOf(hop) === pseudonym) return true;
  }
  return false;
};

/** The second word of `1.1 name (comment)`. */
const receiverOf = (hop: string): string | undefined => hop.trim().split(/\s+/, 2)[1];

/** What this hop appends: the version that the client spoke, by the protocol's own name when it is HTTP. */
export const viaHop = (version: HttpVersion, pseudonym: string): string =>
  `${version === '2' ? '2.0' : version} ${pseudonym}`;
