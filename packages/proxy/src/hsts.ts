import { fieldValue } from './raw-fields.ts';
import type { Hsts } from './route-settings.ts';
import type { RawFields } from './upstream.ts';

/** With Strict-Transport-Security, unless the target said its own word on it (RFC 6797 §7.2: never on plain HTTP, which is the caller's to know). */
export const withHsts = (fields: RawFields, hsts: Hsts | undefined): RawFields => {
  if (hsts === undefined || fieldValue(fields, 'strict-transport-security') !== undefined) return fields;
  const { maxAgeSeconds, includeSubDomains = false, preload = false } = hsts;
  const value = `max-age=${maxAgeSeconds}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`;
  return [...fields, 'Strict-Transport-Security', value];
};
