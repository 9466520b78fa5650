import { argon2, createHash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { SecretsError } from './errors.ts';
import { KEY_BYTES, open, seal } from './seal.ts';

/** Asks for the passphrase; `undefined` when nobody can be asked. */
export type PassphraseSource = () => Promise<string | undefined>;

const PLAIN = /^orca-master-key-1 ([A-Za-z0-9_-]{43})\n?$/;
const PROTECTED =
  /^(orca-master-key-2 argon2id:(\d{1,7}):(\d{1,2}):(\d{1,2}) ([A-Za-z0-9+/=]{24})) (\S{16}) (\S{64})\n?$/;

/** RFC 9106, second recommended option: 64 MiB, three passes, four lanes. */
const COST = { memory: 64 * 1024, passes: 3, lanes: 4 };
/** What a key file may ask for: a hostile one must not take the machine. */
const MOST = { memory: 1024 * 1024, passes: 16, lanes: 16 };

const hash = promisify(argon2);

/** A key as the one line of its file. */
export const formatKey = (key: Uint8Array): string => `orca-master-key-1 ${Buffer.from(key).toString('base64url')}\n`;

/** The same, sealed with a key that Argon2id makes of the passphrase; what it costs is part of the line. */
export const protectKey = async (key: Uint8Array, passphrase: string): Promise<string> => {
  const { memory, passes, lanes } = COST;
  const salt = randomBytes(16);
  const head = `orca-master-key-2 argon2id:${memory}:${passes}:${lanes} ${salt.toString('base64')}`;
  const { n, ct } = seal(key, await stretch(passphrase, salt, COST), head);
  return `${head} ${n} ${ct}\n`;
};

export const isProtected = (text: string): boolean => PROTECTED.test(text);

export interface KeyReader {
  parse(text: string, path: string): Promise<Uint8Array>;
}

/** Reads keys, and asks for a passphrase at most once for the same file. */
export const createKeyReader = (passphrase: PassphraseSource | undefined): KeyReader => {
  const opened = new Map<string, Promise<Uint8Array>>();
  return {
    parse: async (text: string, path: string): Promise<Uint8Array> => {
      const plain = PLAIN.exec(text)?.[1];
      if (plain !== undefined) return Buffer.from(plain, 'base64url');
      const parts = PROTECTED.exec(text);
      if (parts === null) {
        throw new SecretsError(
          'ORCA_SECRETS_KEY_INVALID',
          `${path} does not hold a master key; restore it from a backup`,
        );
      }
      const id = createHash('sha256').update(text).digest('hex');
      const key = opened.get(id) ?? unlock(parts, path, passphrase);
      opened.set(id, key);
      // A wrong passphrase says nothing about the next.
      key.catch(() => opened.delete(id));
      return Uint8Array.from(await key);
    },
  };
};

const unlock = async (
  parts: RegExpExecArray,
  path: string,
  passphrase: PassphraseSource | undefined,
): Promise<Uint8Array> => {
  const [, head = '', memory = '', passes = '', lanes = '', salt = '', n = '', ct = ''] = parts;
  const cost = { memory: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  if (cost.memory > MOST.memory || cost.passes > MOST.passes || cost.lanes > MOST.lanes || cost.memory < 8 * cost.lanes)
    throw new SecretsError('ORCA_SECRETS_KEY_INVALID', `${path} asks for more work than any orca has written`);
  const text = await passphrase?.();
  if (text === undefined) {
    throw new SecretsError(
      'ORCA_SECRETS_KEY_LOCKED',
      `${path} is protected by a passphrase; put that into a file of mode 0600 and name it in ORCA_PASSPHRASE_FILE`,
    );
  }
  const key = open({ n, ct }, await stretch(text, Buffer.from(salt, 'base64'), cost), head);
  if (key?.length === KEY_BYTES) return key;
  throw new SecretsError('ORCA_SECRETS_KEY_LOCKED', `the passphrase does not open ${path}`);
};

const stretch = (passphrase: string, salt: Uint8Array, { memory, passes, lanes }: typeof COST): Promise<Uint8Array> =>
  hash('argon2id', {
    message: passphrase.normalize('NFC'),
    nonce: salt,
    memory,
    passes,
    parallelism: lanes,
    tagLength: KEY_BYTES,
  });
