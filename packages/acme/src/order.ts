import { asRecord } from './directory.ts';
import { AcmeError } from './errors.ts';
import type { ChallengeType } from './ports.ts';
import { formatProblem, parseProblem, type Problem } from './problem.ts';

/** RFC 8555, section 7.1.3. */
export interface Order {
  readonly status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate: string | undefined;
  readonly error: Problem | undefined;
}

/** RFC 8555, section 7.1.4. */
export interface Authorization {
  readonly status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked';
  readonly name: string;
  readonly challenges: readonly AuthorityChallenge[];
}

export interface AuthorityChallenge {
  readonly type: string;
  readonly url: string;
  readonly status: string;
  readonly token: string;
  readonly error: Problem | undefined;
}

const orderStates = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const;
const authorizationStates = ['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked'] as const;

export const parseOrder = (value: unknown): Order => {
  const fields = asRecord(value);
  const status = orderStates.find((one) => one === fields['status']);
  const list = fields['authorizations'];
  const authorizations = Array.isArray(list) ? list.filter((one: unknown) => typeof one === 'string') : [];
  const { finalize, certificate, error } = fields;
  if (status === undefined || typeof finalize !== 'string') throw notAcme('order');
  return {
    status,
    authorizations,
    finalize,
    certificate: typeof certificate === 'string' ? certificate : undefined,
    error: error === undefined ? undefined : parseProblem(error, 0),
  };
};

export const parseAuthorization = (value: unknown): Authorization => {
  const fields = asRecord(value);
  const status = authorizationStates.find((one) => one === fields['status']);
  const name = asRecord(fields['identifier'])['value'];
  if (status === undefined || typeof name !== 'string') throw notAcme('authorization');
  const list = fields['challenges'];
  return { status, name, challenges: (Array.isArray(list) ? list : []).flatMap((one: unknown) => parseChallenge(one)) };
};

const parseChallenge = (value: unknown): readonly AuthorityChallenge[] => {
  const { type, url, status, token, error } = asRecord(value);
  if (typeof type !== 'string' || typeof url !== 'string' || typeof token !== 'string') return [];
  // It becomes part of a path, a file name or a record: nothing but what RFC 8555, section 8.3, allows.
  if (!/^[A-Za-z0-9_-]+$/.test(token)) return [];
  return [
    { type, url, status: String(status), token, error: error === undefined ? undefined : parseProblem(error, 0) },
  ];
};

/** The challenge that failed, in the authority's words. */
export const failedChallenge = (authorizations: readonly Authorization[]): AcmeError | undefined => {
  for (const { status, challenges, name } of authorizations) {
    if (status !== 'invalid') continue;
    const problem = challenges.find(({ error }) => error !== undefined)?.error;
    if (problem !== undefined)
      return new AcmeError('ORCA_ACME_PROBLEM', `${name}: the authority says ${formatProblem(problem)}`, {
        problem,
        endsOrder: true,
      });
  }
  return undefined;
};

/** The offered challenge of a type; throws when the authority does not offer it for this name. */
export const challengeOf = ({ challenges, name }: Authorization, type: ChallengeType): AuthorityChallenge => {
  const found = challenges.find((one) => one.type === type);
  if (found !== undefined) return found;
  const offered = challenges.map((one) => one.type).join(', ');
  throw new AcmeError(
    'ORCA_ACME_CHALLENGE',
    `${name}: the authority does not offer the challenge ${type}${offered === '' ? '' : ` (it offers ${offered})`}`,
  );
};

const notAcme = (what: string): AcmeError =>
  new AcmeError('ORCA_ACME_PROTOCOL', `the authority's ${what} is malformed`);
