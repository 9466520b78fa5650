import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export const KEY_BYTES = 32;

/** Bytes sealed by one key for one purpose: `n` the nonce, `ct` ciphertext and tag, both base64. */
export interface Sealed {
  readonly n: string;
  readonly ct: string;
}

/** A fresh random nonce each time: one key may seal 2^32 values before two nonces might meet (SP 800-38D). */
export const seal = (plain: Uint8Array, key: Uint8Array, context: string): Sealed => {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(context));
  const body = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { n: nonce.toString('base64'), ct: body.toString('base64') };
};

/** `undefined` when key, context, nonce or a single bit of it are not those it was sealed with. */
export const open = (sealed: Sealed, key: Uint8Array, context: string): Uint8Array | undefined => {
  const nonce = Buffer.from(sealed.n, 'base64');
  const body = Buffer.from(sealed.ct, 'base64');
  // Without the length check and `authTagLength`, GCM accepts a tag cut to 4 bytes.
  if (nonce.length !== NONCE_BYTES || body.length < TAG_BYTES) return undefined;
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(body.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(body.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch {
    // The only way `final` fails is a tag that does not match.
    return undefined;
  }
};

/** One key for one purpose; the purposes cannot be told from each other's keys. */
export const derive = (key: Uint8Array, purpose: string, bytes: number = KEY_BYTES): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, new Uint8Array(), `orca/secrets/2/${purpose}`, bytes));
