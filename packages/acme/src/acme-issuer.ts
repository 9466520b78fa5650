import { openAccount, reopenAccount, type Account, type AccountOptions, type ExternalAccount } from './account.ts';
import { advanceOrder, withdrawOrder } from './advance-order.ts';
import { renewalId, splitChain, type Certificate } from './certificate.ts';
import { asRecord, directoryFault, type Directory } from './directory.ts';
import { AcmeError } from './errors.ts';
import { foreignUrl } from './foreign-text.ts';
import { readKey } from './key-pair.ts';
import { parseOrder } from './order.ts';
import type { AccountStore, Issuer, Leaser, Now, OrderRecord, OrderRequest, RenewalInfo, Transport } from './ports.ts';
import { createSignedCalls, readJson, type Answer, type SignedCalls, type Signer } from './signed-calls.ts';

export interface AcmeIssuerOptions {
  /** Address of the authority's directory. https, unless it is on this network. */
  readonly directory: string;
  /** Where the authority writes to; '' for none. */
  readonly email: string;
  /** Whether whoever runs this has agreed to the authority's terms of service. */
  readonly termsAgreed: boolean;
  readonly accounts: AccountStore;
  readonly leaser: Leaser;
  readonly transport: Transport;
  readonly now: Now;
  /** Asked for when an account is made, so that a secret need not be kept in memory. */
  readonly externalAccount?: () => Promise<ExternalAccount | undefined>;
  /** One of the authority's profiles; its default when left out. */
  readonly profile?: string;
  /** Common name of the issuer at the top of the chain to take, where the authority offers several. */
  readonly preferredChain?: string;
  readonly onTerms?: (url: string) => void;
}

/** An authority that speaks ACME (RFC 8555). Makes no call before it is asked for something. */
export const createAcmeIssuer = (o: AcmeIssuerOptions): Issuer => {
  const fault = directoryFault(o.directory);
  if (fault !== undefined) throw new AcmeError('ORCA_ACME_CONFIG', `the directory ${o.directory} ${fault}`);
  const calls = createSignedCalls({ directoryUrl: o.directory, transport: o.transport, now: o.now });
  const accountOptions = {
    calls,
    store: o.accounts,
    leaser: o.leaser,
    id: { directory: o.directory, email: o.email },
    termsAgreed: o.termsAgreed,
    externalAccount: o.externalAccount ?? ((): Promise<undefined> => Promise.resolve(undefined)),
    ...(o.onTerms === undefined ? {} : { onTerms: o.onTerms }),
  };
  const accounts = sharedAccount(accountOptions);
  /** An account that the authority does not know any more is registered again, once (A16). */
  const withAccount = async <T>(signal: AbortSignal, body: (account: Account) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    const known = await accounts.get();
    try {
      return await body(known);
    } catch (error) {
      if (!isProblem(error, 'accountDoesNotExist')) throw error;
      return body(await accounts.renew(known));
    }
  };
  return {
    id: o.directory,
    begin: async (request, signal) => {
      // Fresh: profiles may have changed since, and the clock is checked before anything is spent.
      const directory = await calls.refreshDirectory(signal);
      assertProfile(directory, o.profile, o.directory);
      return withAccount(signal, async (account) =>
        placeOrder({ calls, directory, account, profile: o.profile, now: o.now }, request, signal),
      );
    },
    advance: (host, order, solver, signal) =>
      withAccount(signal, (account) =>
        advanceOrder({ calls, account, now: o.now, preferredChain: o.preferredChain, signal }, host, order, solver),
      ),
    abandon: (order, solver, signal) =>
      withAccount(signal, (account) =>
        withdrawOrder({ calls, account, now: o.now, preferredChain: undefined, signal }, order, solver),
      ),
    renewalInfo: async (certPem, signal) => {
      const { renewalInfo } = await calls.directory(signal);
      const id = renewalId(certPem);
      if (renewalInfo === undefined || id === undefined) return undefined;
      return parseRenewalInfo(await calls.get(`${renewalInfo.replace(/\/$/, '')}/${id}`, signal));
    },
    revoke: (certificate, signal) => withAccount(signal, (account) => revoke(calls, account, certificate, signal)),
  };
};

/** One account for all that is under way; whoever asks first has it opened for everybody. */
const sharedAccount = (
  options: AccountOptions,
): { get(): Promise<Account>; renew(lost: Account): Promise<Account> } => {
  let opening: Promise<Account> | undefined;
  let current: Account | undefined;
  const start = (open: typeof openAccount): Promise<Account> => {
    const attempt = open(options, AbortSignal.timeout(120_000)).then((opened) => (current = opened));
    const forget = (): void => {
      if (opening === attempt) opening = undefined;
    };
    opening = attempt;
    attempt.catch(forget);
    return attempt;
  };
  return {
    get: () => opening ?? start(openAccount),
    // Of several that lost the same account, one registers it again.
    renew: (lost) => (current === lost ? start(reopenAccount) : (opening ?? start(openAccount))),
  };
};

interface OrderContext {
  readonly calls: SignedCalls;
  readonly directory: Directory;
  readonly account: Account;
  readonly profile: string | undefined;
  readonly now: Now;
}

const placeOrder = async (
  { calls, directory, account, profile, now }: OrderContext,
  { host, keyPem, challenge, replaces }: OrderRequest,
  signal: AbortSignal,
): Promise<OrderRecord> => {
  const startedAt = now();
  const wanted = {
    identifiers: [{ type: 'dns', value: host }],
    ...(profile === undefined ? {} : { profile }),
  };
  const old = replaces === undefined || directory.renewalInfo === undefined ? undefined : renewalId(replaces.certPem);
  const place = (extra: object): Promise<Answer> =>
    calls.post(directory.newOrder, { ...wanted, ...extra }, signerOf(account), signal);
  let answer: Answer;
  try {
    answer = await place(old === undefined ? {} : { replaces: old });
  } catch (error) {
    if (old === undefined || !isRefusedReplacement(error)) throw error;
    answer = await place({});
  }
  const url = answer.header('location');
  if (url === undefined) throw new AcmeError('ORCA_ACME_PROTOCOL', 'the authority took an order and did not say where');
  parseOrder(readJson(answer));
  return { url, keyPem, startedAt, challenge };
};

/** What an authority says when it does not like what is to be replaced (RFC 9773, section 5); the order itself may be fine. */
const isRefusedReplacement = (error: unknown): boolean =>
  isProblem(error, 'alreadyReplaced') ||
  isProblem(error, 'malformed') ||
  (error instanceof AcmeError && (error.problem?.status === 404 || error.problem?.status === 409));

const assertProfile = ({ profiles }: Directory, profile: string | undefined, directory: string): void => {
  if (profile === undefined || Object.hasOwn(profiles, profile)) return;
  const names = Object.keys(profiles);
  const offered = names.length === 0 ? 'it offers none' : `it offers ${names.join(', ')}`;
  throw new AcmeError('ORCA_ACME_CONFIG', `${directory} has no profile "${profile}": ${offered}`);
};

const parseRenewalInfo = (answer: Answer): RenewalInfo | undefined => {
  const { suggestedWindow, explanationURL } = asRecord(readJson(answer));
  const { start, end } = asRecord(suggestedWindow);
  const [from, to] = [Date.parse(String(start)), Date.parse(String(end))];
  if (Number.isNaN(from) || Number.isNaN(to) || to < from)
    throw new AcmeError('ORCA_ACME_PROTOCOL', "the authority's renewal window is malformed");
  return { start: from, end: to, explanationUrl: foreignUrl(explanationURL), retryAt: answer.retryAt };
};

/** Signed by the account, or by the certificate's own key when the account may not (RFC 8555, section 7.6). */
const revoke = async (
  calls: SignedCalls,
  account: Account,
  { certPem, keyPem }: Certificate,
  signal: AbortSignal,
): Promise<void> => {
  const { revokeCert } = await calls.directory(signal);
  const [leaf = ''] = splitChain(certPem);
  const certificate = Buffer.from(leaf.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64').toString('base64url');
  try {
    await calls.post(revokeCert, { certificate }, signerOf(account), signal);
  } catch (error) {
    if (isProblem(error, 'alreadyRevoked')) return;
    if (!isProblem(error, 'unauthorized')) throw error;
    await calls.post(revokeCert, { certificate }, { key: readKey(keyPem), accountUrl: undefined }, signal);
  }
};

const signerOf = ({ key, url }: Account): Signer => ({ key, accountUrl: url });

const isProblem = (error: unknown, type: string): boolean => error instanceof AcmeError && error.problem?.type === type;
