import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readCertificate, splitChain, type Certificate } from './certificate.ts';
import { asRecord, parseJson } from './directory.ts';
import { AcmeError, messageOf } from './errors.ts';
import { emptyRecord, type HostRecord } from './host-record.ts';
import type { AccountId, AccountStore, CertStore, Now, StoredAccount } from './ports.ts';
import { decodeRecord, encodeRecord } from './record-text.ts';
import { authorityFolder, hostFolder, hostOfFolder, isHostFolder, shortHash } from './store-path.ts';
import { namesIn, privateDirectory, readWhole, setAside, sweepTemporary, writeWhole } from './whole-file.ts';

export interface FileStoreOptions {
  /** Made when it is not there, for its owner only. */
  readonly dir: string;
  /** Of the authority whose certificates these are: each has a folder of its own, so staging never passes for production. */
  readonly directory: string;
  readonly now: Now;
  /** Told of an entry that could not be read and was moved out of the way; `as` is its new name. */
  readonly onCorrupt?: (path: string, as: string, reason: string) => void;
}

const certificateFile = 'certificate.pem';
const recordFile = 'state.json';
const pemKey = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[^-]+-----END (?:EC |RSA )?PRIVATE KEY-----/;

/**
 * Certificates in files, `<dir>/<authority>/<host>/certificate.pem` (leaf, chain and key in one
 * file: a pair cannot be torn apart) and `state.json`; accounts beside them. One process at a
 * time writes for a host: the caller holds a lease.
 */
export const createFileStore = (o: FileStoreOptions): CertStore & AccountStore => {
  const root = join(o.dir, authorityFolder(o.directory));
  const folder = (host: string): string => join(root, hostFolder(host));
  /** Read as `T`, or moved aside and absent: what is damaged must not stop anything. */
  const readOr = async <T>(path: string, read: (text: string) => T): Promise<T | undefined> => {
    const text = await guard(path, () => readWhole(path));
    if (text === undefined) return undefined;
    try {
      return read(text);
    } catch (error) {
      const as = await guard(path, () => setAside(path, o.now()));
      o.onCorrupt?.(path, as, messageOf(error));
      return undefined;
    }
  };
  return {
    load: async (host) => {
      const certificate = await readOr(join(folder(host), certificateFile), readPair);
      const record = await readOr(join(folder(host), recordFile), decodeRecord);
      return { certificate, record: record ?? emptyRecord };
    },
    saveCertificate: async (host, certificate: Certificate) => {
      const path = join(folder(host), certificateFile);
      await guard(path, () => writeWhole(path, `${certificate.certPem}${certificate.keyPem}`));
    },
    saveRecord: async (host, record: HostRecord) => {
      const path = join(folder(host), recordFile);
      await guard(path, () => writeWhole(path, encodeRecord(record)));
    },
    hosts: async () => (await namesIn(root)).filter(isHostFolder).map(hostOfFolder),
    remove: (host) => rm(folder(host), { recursive: true, force: true }),
    assertWritable: async (host) => {
      const path = join(folder(host), 'write-test');
      await guard(path, async () => {
        await privateDirectory(folder(host));
        // The caller's lease says that no other writer is at work here.
        await sweepTemporary(folder(host));
        await writeWhole(path, 'orca\n');
        await rm(path, { force: true });
      });
    },
    loadAccount: (id) => readOr(accountPath(o.dir, id), decodeAccount),
    saveAccount: async (id, account) => {
      const path = accountPath(o.dir, id);
      await guard(path, () => writeWhole(path, `${JSON.stringify({ version: 1, ...id, ...account }, undefined, 2)}\n`));
    },
  };
};

const readPair = (text: string): Certificate =>
  readCertificate(splitChain(text).join('\n'), pemKey.exec(text)?.[0] ?? '');

const accountPath = (dir: string, { directory, email }: AccountId): string =>
  join(dir, authorityFolder(directory), `account-${shortHash(email)}.json`);

const decodeAccount = (text: string): StoredAccount => {
  const { version, keyPem, url } = asRecord(parseJson(text));
  if (version !== 1 || typeof keyPem !== 'string' || !pemKey.test(keyPem)) throw new Error('not an account');
  return { keyPem, url: typeof url === 'string' && URL.canParse(url) ? url : undefined };
};

/** The system's own error, such as ENOSPC, with the path. */
const guard = async <T>(path: string, body: () => Promise<T>): Promise<T> => {
  try {
    return await body();
  } catch (cause) {
    throw new AcmeError('ORCA_ACME_STORE', `${path}: ${messageOf(cause)}`, { cause });
  }
};
