import { randomUUID } from 'node:crypto';
import { fieldValues } from './raw-fields.ts';
import type { RawFields } from './upstream.ts';

/** What every tracing system in use writes, and nothing that could break a log line. */
const wellFormed = /^[\w.:=+/@-]{1,128}$/;

/** One id for log and target: a trusted peer's own when it is well-formed, else a new one. */
export const requestIdOf = (fields: RawFields, trusted: boolean): string => {
  if (!trusted) return randomUUID();
  const values = fieldValues(fields, 'x-request-id');
  const [given] = values;
  return values.length === 1 && given !== undefined && wellFormed.test(given) ? given : randomUUID();
};
