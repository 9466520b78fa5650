import { SecretsError } from './errors.ts';
import { SecretValue } from './secret-value.ts';

/** An X25519 key pair of a node, both halves base64. The private half never leaves the node. */
export interface NodeKeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** libsodium is loaded when first needed: starting it costs 25 ms, and a cluster of one node never does. */
const sodium = async () => {
  const { default: library } = await import('libsodium-wrappers');
  await library.ready;
  return library;
};

export const createNodeKeyPair = async (): Promise<NodeKeyPair> => {
  const { publicKey, privateKey } = (await sodium()).crypto_box_keypair();
  return { publicKey: encode(publicKey), privateKey: encode(privateKey) };
};

/** Seals a value so that only the node can open it, not even whoever sealed it (crypto_box_seal). */
export const sealForNode = async (value: SecretValue, publicKey: string): Promise<string> => {
  const key = decode(publicKey, 'the public key of the node');
  return encode((await sodium()).crypto_box_seal(Buffer.from(value.reveal()), key));
};

/** Throws when it was sealed for another node, or changed on its way. */
export const openOnNode = async (sealed: string, { publicKey, privateKey }: NodeKeyPair): Promise<SecretValue> => {
  const library = await sodium();
  const keys = [decode(publicKey, 'the public key'), decode(privateKey, 'the private key')] as const;
  try {
    const plain = library.crypto_box_seal_open(Buffer.from(sealed, 'base64'), ...keys);
    return SecretValue.of(Buffer.from(plain).toString());
  } catch (cause) {
    throw new SecretsError('ORCA_SECRETS_KEY_WRONG', 'this was sealed for another node, or changed on its way', {
      cause,
    });
  }
};

const KEY_BYTES = 32;

const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const decode = (text: string, what: string): Uint8Array => {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === KEY_BYTES) return bytes;
  throw new SecretsError('ORCA_SECRETS_KEY_INVALID', `${what} is not an X25519 key of 32 bytes in base64`);
};
