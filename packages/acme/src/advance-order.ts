import type { Account } from './account.ts';
import { splitChain, topIssuer } from './certificate.ts';
import { AcmeError, messageOf } from './errors.ts';
import { keyAuthorization } from './jws.ts';
import { readKey } from './key-pair.ts';
import {
  challengeOf,
  failedChallenge,
  parseAuthorization,
  parseOrder,
  type Authorization,
  type AuthorityChallenge,
  type Order,
} from './order.ts';
import type { Challenge, Now, OrderProgress, OrderRecord, Solver } from './ports.ts';
import { readJson, type Answer, type SignedCalls } from './signed-calls.ts';
import { createCsr } from './x509-write.ts';

export interface AdvanceContext {
  readonly calls: SignedCalls;
  readonly account: Account;
  readonly now: Now;
  readonly preferredChain: string | undefined;
  readonly signal: AbortSignal;
}

interface Seen {
  readonly order: Order;
  readonly retryAt: number | undefined;
}

/** Looks at the order and does what can be done now (RFC 8555, section 7.1.6); never waits for the authority. */
export const advanceOrder = async (
  c: AdvanceContext,
  host: string,
  record: OrderRecord,
  solver: Solver,
): Promise<OrderProgress> => {
  let seen = await lookAt(c, record.url);
  if (seen === undefined) return { state: 'gone' };
  if (seen.order.status === 'pending' || seen.order.status === 'ready') {
    // When it is ready this takes the answers away; `ready` comes before the certificate, always.
    const isProven = await proveNames(c, seen.order, solver);
    // An authority that reuses earlier proofs has made the order ready meanwhile.
    if (isProven && seen.order.status === 'pending') seen = (await lookAt(c, record.url)) ?? seen;
  }
  if (seen.order.status === 'ready') {
    const csr = createCsr([host], readKey(record.keyPem)).toString('base64url');
    const answer = await post(c, seen.order.finalize, { csr });
    seen = { order: parseOrder(readJson(answer)), retryAt: answer.retryAt };
  }
  const { order, retryAt } = seen;
  if (order.status === 'invalid') throw await whyInvalid(c, order, solver);
  if (order.status !== 'valid' || order.certificate === undefined) return waiting(c, retryAt);
  return { state: 'issued', ...(await download(c, order.certificate)) };
};

/** Deactivates what was to be proven, so that nothing pending is left behind, and takes the answers away. */
export const withdrawOrder = async (c: AdvanceContext, record: OrderRecord, solver: Solver): Promise<void> => {
  const seen = await lookAt(c, record.url);
  for (const url of seen?.order.authorizations ?? []) {
    const authorization = parseAuthorization(readJson(await post(c, url, '')));
    await cleanUp(c, authorization, solver);
    if (authorization.status === 'pending') await post(c, url, { status: 'deactivated' });
  }
};

/** Whether every name is proven by now. */
const proveNames = async (c: AdvanceContext, order: Order, solver: Solver): Promise<boolean> => {
  let isProven = true;
  for (const url of order.authorizations) {
    const authorization = parseAuthorization(readJson(await post(c, url, '')));
    if (authorization.status === 'pending') {
      isProven = false;
      await answerChallenge(c, authorization, solver);
    } else {
      await cleanUp(c, authorization, solver);
      const failed = failedChallenge([authorization]);
      if (failed !== undefined) throw failed;
    }
  }
  return isProven;
};

/** Shown again even when the authority was told already: it may have been another process that showed it. */
const answerChallenge = async (c: AdvanceContext, authorization: Authorization, solver: Solver): Promise<void> => {
  const offered = challengeOf(authorization, solver.type);
  await solver.present(challengeFor(c, authorization, offered, solver), c.signal);
  if (offered.status === 'pending') await post(c, offered.url, {});
};

const cleanUp = async (c: AdvanceContext, authorization: Authorization, solver: Solver): Promise<void> => {
  const offered = authorization.challenges.find((one) => one.type === solver.type);
  if (offered !== undefined) await solver.cleanUp(challengeFor(c, authorization, offered, solver));
};

const challengeFor = (
  { account }: AdvanceContext,
  { name }: Authorization,
  { token }: AuthorityChallenge,
  { type }: Solver,
): Challenge => ({ type, name, token, keyAuthorization: keyAuthorization(token, account.key) });

const whyInvalid = async (c: AdvanceContext, order: Order, solver: Solver): Promise<AcmeError> => {
  const authorizations: Authorization[] = [];
  for (const url of order.authorizations) authorizations.push(parseAuthorization(readJson(await post(c, url, ''))));
  for (const one of authorizations) await cleanUp(c, one, solver);
  const failed = failedChallenge(authorizations);
  if (failed !== undefined) return failed;
  const problem = order.error ?? { type: '', detail: 'the order became invalid', status: 0, subproblems: [] };
  return new AcmeError('ORCA_ACME_PROBLEM', `the authority says ${problem.detail}`, { problem, endsOrder: true });
};

interface Downloaded {
  readonly certPem: string;
  readonly warning?: string;
}

/**
 * Leaf first. Where alternatives are offered (RFC 8555, section 7.4.2) and one is preferred, that
 * one; where that cannot be had, the authority's own choice, which is as good to most: no reason
 * to be without a certificate.
 */
const download = async (c: AdvanceContext, url: string): Promise<Downloaded> => {
  const first = await post(c, url, '');
  const certPem = chainOf(first.body);
  const wanted = c.preferredChain;
  if (wanted === undefined) return { certPem };
  const top = topIssuer(certPem);
  if (top === wanted) return { certPem };
  const seen = [top];
  const faults: string[] = [];
  for (const alternate of alternatesOf(first.header('link'), url)) {
    try {
      const other = chainOf((await post(c, alternate, '')).body);
      if (topIssuer(other) === wanted) return { certPem: other };
      seen.push(topIssuer(other));
    } catch (error) {
      c.signal.throwIfAborted();
      faults.push(messageOf(error));
    }
  }
  const why = faults.length === 0 ? `the authority offers ${seen.join(', ')}` : faults.join('; ');
  return { certPem, warning: `no chain up to "${wanted}" could be had (${why}): the one up to "${top}" is used` };
};

const chainOf = (body: string): string => {
  const chain = splitChain(body);
  if (chain.length > 0) return `${chain.join('\n')}\n`;
  throw new AcmeError('ORCA_ACME_PROTOCOL', 'the authority sent something else in place of a certificate');
};

/** More than anybody offers. */
const mostAlternates = 10;

const alternatesOf = (link: string | undefined, base: string): readonly string[] =>
  [...(link ?? '').matchAll(/<([^>]+)>\s*;\s*rel="?alternate"?/g)]
    .slice(0, mostAlternates)
    .flatMap(([, target = '']) => (URL.canParse(target, base) ? [new URL(target, base).href] : []));

/** Where the authority says nothing, how soon and how long at all is for the caller to say. */
const waiting = ({ now }: AdvanceContext, retryAt: number | undefined): OrderProgress => ({
  state: 'waiting',
  until: retryAt ?? now(),
});

const lookAt = async (c: AdvanceContext, url: string): Promise<Seen | undefined> => {
  try {
    const answer = await post(c, url, '');
    return { order: parseOrder(readJson(answer)), retryAt: answer.retryAt };
  } catch (error) {
    if (error instanceof AcmeError && error.problem?.status === 404) return undefined;
    throw error;
  }
};

const post = ({ calls, account, signal }: AdvanceContext, url: string, payload: object | ''): Promise<Answer> =>
  calls.post(url, payload, { key: account.key, accountUrl: account.url }, signal);
