import { randomFillSync } from 'node:crypto';
import { fieldValues } from './raw-fields.ts';
import type { RawFields } from './upstream.ts';

/** What every tracing system in use writes, and nothing that could break a log line. */
const wellFormed = /^[\w.:=+/@-]{1,128}$/;

/** One id for log and target: a trusted peer's own when it is well-formed, else a new one. */
export const requestIdOf = (fields: RawFields, trusted: boolean): string => {
  if (!trusted) return newId();
  const values = fieldValues(fields, 'x-request-id');
  const [given] = values;
  return values.length === 1 && given !== undefined && wellFormed.test(given) ? given : newId();
};

const idBytes = 16;
const block = Buffer.alloc(256 * idBytes);
let used = block.length;

/** 128 random bits in hex. Drawn in blocks: each visit to the generator costs more than the bytes. */
const newId = (): string => {
  if (used === block.length) {
    randomFillSync(block);
    used = 0;
  }
  used += idBytes;
  return block.toString('hex', used - idBytes, used);
};
