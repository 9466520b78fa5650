import type { KeyObject } from 'node:crypto';
import type { Directory } from './directory.ts';
import { AcmeError, isAcmeError } from './errors.ts';
import { publicJwk, signExternalBinding } from './jws.ts';
import { createKeyPem, readKey } from './key-pair.ts';
import type { AccountId, AccountStore, Leaser } from './ports.ts';
import { formatProblem, type Problem } from './problem.ts';
import type { SignedCalls, Signer } from './signed-calls.ts';

/** Credentials that bind the account to a customer of the authority (RFC 8555, section 7.3.4). */
export interface ExternalAccount {
  readonly kid: string;
  /** base64url. */
  readonly hmacKey: string;
}

export interface AccountOptions {
  readonly calls: SignedCalls;
  readonly store: AccountStore;
  readonly leaser: Leaser;
  readonly id: AccountId;
  readonly termsAgreed: boolean;
  readonly externalAccount: () => Promise<ExternalAccount | undefined>;
  /** Told the address of the terms whenever an account is asked for under them. */
  readonly onTerms?: (url: string) => void;
}

export interface Account {
  readonly key: KeyObject;
  readonly url: string;
}

/**
 * The account, from the store if it is there: a restart asks nobody. A key without a URL is
 * what a crash in the middle of registering leaves; the authority then finds the account by
 * its key. Under a lease, so that two processes do not register two accounts.
 */
export const openAccount = async (o: AccountOptions, signal: AbortSignal): Promise<Account> => {
  const stored = await o.store.loadAccount(o.id);
  if (stored?.url !== undefined) return { key: readKey(stored.keyPem), url: stored.url };
  const lease = await o.leaser.tryAcquire(`account ${o.id.directory} ${o.id.email}`);
  if (lease === undefined)
    throw new AcmeError('ORCA_ACME_TIMEOUT', 'another process is making the account; this one goes on once it has');
  try {
    return await register(o, AbortSignal.any([signal, lease.signal]));
  } finally {
    await lease.release();
  }
};

/** Registers anew with the same key: the authority has lost the account. */
export const reopenAccount = async (o: AccountOptions, signal: AbortSignal): Promise<Account> => {
  const stored = await o.store.loadAccount(o.id);
  if (stored !== undefined) await o.store.saveAccount(o.id, { ...stored, url: undefined });
  return openAccount(o, signal);
};

const register = async (o: AccountOptions, signal: AbortSignal): Promise<Account> => {
  const stored = await o.store.loadAccount(o.id);
  if (stored?.url !== undefined) return { key: readKey(stored.keyPem), url: stored.url };
  const keyPem = stored?.keyPem ?? (await createKeyPem('ecdsa-p256'));
  const key = readKey(keyPem);
  const directory = await o.calls.directory(signal);
  const found = stored === undefined ? undefined : await findByKey(o.calls, directory, key, signal);
  // The key is on disk before the authority hears of it: an account without its key is lost.
  if (stored === undefined) await o.store.saveAccount(o.id, { keyPem, url: undefined });
  const url = found ?? (await createAccount(o, directory, key, signal));
  await o.store.saveAccount(o.id, { keyPem, url });
  return { key, url };
};

const findByKey = async (
  calls: SignedCalls,
  { newAccount }: Directory,
  key: KeyObject,
  signal: AbortSignal,
): Promise<string | undefined> => {
  try {
    const answer = await calls.post(newAccount, { onlyReturnExisting: true }, anonymous(key), signal);
    return answer.header('location');
  } catch (error) {
    // Some that want an external account say so here already. Whatever it is called, it is no account found:
    // an account that is there all the same is what the next call gives (RFC 8555, section 7.3).
    if (isRefusal(error)) return undefined;
    throw error;
  }
};

const createAccount = async (
  o: AccountOptions,
  directory: Directory,
  key: KeyObject,
  signal: AbortSignal,
): Promise<string> => {
  assertTerms(o, directory);
  const { newAccount } = directory;
  const external = await o.externalAccount();
  if (external === undefined && directory.needsExternalAccount)
    throw new AcmeError(
      'ORCA_ACME_CONFIG',
      `${o.id.directory} gives accounts to its customers only: set the key identifier and the HMAC key that it issued to you (eab_kid, eab_hmac)`,
    );
  const binding =
    external === undefined
      ? {}
      : { externalAccountBinding: signExternalBinding({ ...external, url: newAccount, jwk: publicJwk(key) }) };
  const contact = o.id.email === '' ? {} : { contact: [`mailto:${o.id.email}`] };
  const wanted = { termsOfServiceAgreed: true, ...contact, ...binding };
  const answer = await o.calls.post(newAccount, wanted, anonymous(key), signal).catch((error: unknown) => {
    throw isRefusal(error) ? refused(error, o.id.directory, external) : error;
  });
  const url = answer.header('location');
  if (url === undefined)
    throw new AcmeError('ORCA_ACME_PROTOCOL', 'the authority made an account and did not say where');
  return url;
};

const assertTerms = ({ termsAgreed, onTerms, id }: AccountOptions, { termsOfService }: Directory): void => {
  if (termsAgreed) {
    if (termsOfService !== undefined) onTerms?.(termsOfService);
    return;
  }
  throw new AcmeError(
    'ORCA_ACME_CONFIG',
    `${id.directory} asks for agreement to its terms of service${termsOfService === undefined ? '' : `, ${termsOfService}`}: read them, and say so (terms_agreed)`,
  );
};

/** The authority's no to what was asked: neither too early nor a fault on its side. */
const isRefusal = (error: unknown): error is AcmeError & { readonly problem: Problem } => {
  if (!isAcmeError(error) || error.problem === undefined) return false;
  const { status, type } = error.problem;
  return (
    status >= 400 && status < 500 && status !== 429 && type !== '' && type !== 'badNonce' && type !== 'rateLimited'
  );
};

/** About the account, not about any name: no other challenge helps, and no hurry. */
const refused = (
  cause: { readonly problem: Problem },
  directory: string,
  external: ExternalAccount | undefined,
): AcmeError => {
  const check = external === undefined ? 'check email' : 'check eab_kid, eab_hmac and email';
  return new AcmeError(
    'ORCA_ACME_CONFIG',
    `${directory} makes no account: it says ${formatProblem(cause.problem)}; ${check}`,
    { cause },
  );
};

const anonymous = (key: KeyObject): Signer => ({ key, accountUrl: undefined });
