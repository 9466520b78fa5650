import { createHmac } from 'node:crypto';
import type { SecretValue } from './secret-value.ts';

/**
 * A digest that may be kept where others read it (a label, a log): without the key, not even
 * a short value can be found by trying. The name is part of it, so that two secrets with the
 * same value do not show that they are the same.
 */
export function digestSecret(name: string, value: SecretValue, key: Uint8Array): string {
  const hmac = createHmac('sha256', key);
  // A length first: no other pair of name and value gives the same bytes.
  hmac.update(`${Buffer.byteLength(name)}:${name}`);
  hmac.update(value.reveal());
  return hmac.digest('hex');
}
