import { isAcmeError, messageOf } from './errors.ts';
import { formatProblem } from './problem.ts';

/**
 * What a failure asks for:
 * - `rate-limited`: wait as long as the authority says;
 * - `refused`: nothing that trying again heals; once a day, or when the configuration changes;
 * - `validation`: the name does not answer as it should; try ever more slowly, rehearsing first;
 * - `server`: the authority or the way to it is at fault; try soon;
 * - `local`: this machine is at fault (disk, clock, preflight, hook); try ever more slowly.
 */
export type FailureKind = 'rate-limited' | 'refused' | 'validation' | 'server' | 'local';

export interface Failure {
  readonly kind: FailureKind;
  /** The authority's error type, or the error code of this package. */
  readonly type: string;
  /** The authority's own words, or this package's. */
  readonly detail: string;
  /** Milliseconds since the epoch; not to be tried before. */
  readonly retryAt: number | undefined;
}

/** RFC 8555, section 6.7, by what helps; types that are not here are judged by their HTTP status. */
const kinds: Readonly<Record<string, FailureKind>> = {
  rateLimited: 'rate-limited',
  rejectedIdentifier: 'refused',
  caa: 'refused',
  unsupportedIdentifier: 'refused',
  unsupportedContact: 'refused',
  invalidContact: 'refused',
  invalidProfile: 'refused',
  externalAccountRequired: 'refused',
  userActionRequired: 'refused',
  badCSR: 'refused',
  badPublicKey: 'refused',
  badSignatureAlgorithm: 'refused',
  dns: 'validation',
  connection: 'validation',
  unauthorized: 'validation',
  incorrectResponse: 'validation',
  tls: 'validation',
  serverInternal: 'server',
  badNonce: 'server',
  accountDoesNotExist: 'server',
  orderNotReady: 'server',
};

/** Puts an error into one of the kinds (A16). What nobody foresaw counts as `local`. */
export const failureOf = (error: unknown): Failure => {
  if (!isAcmeError(error)) return { kind: 'local', type: 'unexpected', detail: messageOf(error), retryAt: undefined };
  const { code, problem, retryAt } = error;
  if (problem !== undefined) {
    const kind = kindOfType(problem.type) ?? kindOfStatus(problem.status, problem.type !== '');
    return {
      kind,
      type: problem.type === '' ? `http${problem.status}` : problem.type,
      detail: formatProblem(problem),
      retryAt,
    };
  }
  return { kind: kindOfCode(code), type: code, detail: error.message, retryAt };
};

const kindOfType = (type: string): FailureKind | undefined => (Object.hasOwn(kinds, type) ? kinds[type] : undefined);

/** Without a problem document it is not the authority's word, but that of something before it. */
const kindOfStatus = (status: number, isWord: boolean): FailureKind => {
  if (status === 429) return 'rate-limited';
  // Inside a challenge or an order, where there is no HTTP status: the name did not pass.
  if (status === 0) return 'validation';
  return status >= 400 && status < 500 && isWord ? 'refused' : 'server';
};

const kindOfCode = (code: string): FailureKind => {
  if (code === 'ORCA_ACME_CONFIG') return 'refused';
  if (code === 'ORCA_ACME_CHALLENGE') return 'validation';
  return code === 'ORCA_ACME_UNREACHABLE' || code === 'ORCA_ACME_PROTOCOL' || code === 'ORCA_ACME_TIMEOUT'
    ? 'server'
    : 'local';
};
