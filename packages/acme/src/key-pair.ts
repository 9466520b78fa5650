import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** Of a certificate's key. P-256 is smaller and faster; RSA is for clients that know nothing else. */
export type KeyType = 'ecdsa-p256' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096';

const generate = promisify(generateKeyPair);

/** A new private key as PKCS #8 in PEM. */
export const createKeyPem = async (type: KeyType): Promise<string> => {
  const { privateKey } =
    type === 'ecdsa-p256'
      ? await generate('ec', { namedCurve: 'P-256' })
      : await generate('rsa', { modulusLength: Number(type.slice(4)) });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
};

export const readKey = (pem: string): KeyObject => createPrivateKey(pem);
