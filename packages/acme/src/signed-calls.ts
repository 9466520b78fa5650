import type { KeyObject } from 'node:crypto';
import { assertClock } from './clock-check.ts';
import { parseDirectory, type Directory } from './directory.ts';
import { AcmeError } from './errors.ts';
import { foreignText } from './foreign-text.ts';
import { publicJwk, signJws } from './jws.ts';
import type { Now, Transport, TransportResponse } from './ports.ts';
import { formatProblem, parseProblem } from './problem.ts';
import { retryAfter } from './retry-after.ts';

/** Who signs: an account by its URL, or a key that has none yet. */
export interface Signer {
  readonly key: KeyObject;
  readonly accountUrl: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly header: TransportResponse['header'];
  readonly retryAt: number | undefined;
}

/** An authority spoken to in its own protocol: directory, nonces, signatures, problems. Nothing is tried twice but a bad nonce. */
export interface SignedCalls {
  /** Asked anew, and the clock checked against its answer (A24). */
  refreshDirectory(signal: AbortSignal): Promise<Directory>;
  /** As last seen. */
  directory(signal: AbortSignal): Promise<Directory>;
  post(url: string, payload: object | '', signer: Signer, signal: AbortSignal): Promise<Answer>;
  /** Unsigned. */
  get(url: string, signal: AbortSignal): Promise<Answer>;
}

export interface SignedCallsOptions {
  readonly directoryUrl: string;
  readonly transport: Transport;
  readonly now: Now;
}

/** Each refusal hands out a fresh nonce, so this many in a row are no accident. */
const maxBadNonces = 10;
/** Spare nonces worth keeping; an old one is likely to be refused. */
const maxSpare = 8;

export const createSignedCalls = ({ directoryUrl, transport: send, now }: SignedCallsOptions): SignedCalls => {
  const transport = onlySecure(directoryUrl, send);
  // A nonce is taken out before it is sent and never put back: whatever becomes of the request, it is spent.
  const spare: string[] = [];
  let known: Directory | undefined;

  const keepNonce = (response: TransportResponse): void => {
    const nonce = response.header('replay-nonce');
    if (nonce === undefined || !/^[A-Za-z0-9_-]+$/.test(nonce)) return;
    spare.push(nonce);
    if (spare.length > maxSpare) spare.shift();
  };
  const get = async (url: string, signal: AbortSignal): Promise<Answer> =>
    answerOf(await transport({ method: 'GET', url, headers: {} }, signal), now());
  const refreshDirectory = async (signal: AbortSignal): Promise<Directory> => {
    const answer = await get(directoryUrl, signal);
    assertClock(now(), answer.header('date'));
    known = parseDirectory(readJson(answer), directoryUrl);
    return known;
  };
  const directory = async (signal: AbortSignal): Promise<Directory> => known ?? refreshDirectory(signal);
  const takeNonce = async (signal: AbortSignal): Promise<string> => {
    const kept = spare.pop();
    if (kept !== undefined) return kept;
    const { newNonce } = await directory(signal);
    const response = await transport({ method: 'HEAD', url: newNonce, headers: {} }, signal);
    const fresh = response.header('replay-nonce');
    if (fresh !== undefined) return fresh;
    answerOf(response, now());
    throw new AcmeError('ORCA_ACME_PROTOCOL', `${newNonce} gives no Replay-Nonce`);
  };
  const postOnce = async (o: PostInput, nonce: string): Promise<TransportResponse> => {
    const { key, accountUrl } = o.signer;
    const who = accountUrl === undefined ? { jwk: publicJwk(key) } : { kid: accountUrl };
    const body = JSON.stringify(signJws({ nonce, url: o.url, ...who }, o.payload, key));
    const headers = { 'content-type': 'application/jose+json' };
    return transport({ method: 'POST', url: o.url, headers, body }, o.signal);
  };
  const post = async (o: PostInput): Promise<Answer> => {
    let nonce = await takeNonce(o.signal);
    for (let refused = 0; ; refused += 1) {
      const response = await postOnce(o, nonce);
      const fresh = response.header('replay-nonce');
      if (refused === maxBadNonces || !isBadNonce(response)) {
        keepNonce(response);
        return answerOf(response, now());
      }
      nonce = fresh ?? (await takeNonce(o.signal));
    }
  };
  return {
    refreshDirectory,
    directory,
    get,
    post: (url, payload, signer, signal) => post({ url, payload, signer, signal }),
  };
};

/** Where an authority sends us is its own affair, but not out of the protection that its directory has (A2). */
const onlySecure = (directoryUrl: string, send: Transport): Transport => {
  if (!directoryUrl.startsWith('https:')) return send;
  return async (request, signal) => {
    if (URL.canParse(request.url) && new URL(request.url).protocol === 'https:') return send(request, signal);
    throw new AcmeError(
      'ORCA_ACME_PROTOCOL',
      `the authority names an address that is not https: ${foreignText(request.url, 200)}`,
    );
  };
};

interface PostInput {
  readonly url: string;
  readonly payload: object | '';
  readonly signer: Signer;
  readonly signal: AbortSignal;
}

/** The body as JSON; throws `ORCA_ACME_PROTOCOL` when it is not. */
export const readJson = ({ body }: Pick<Answer, 'body'>): unknown => {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new AcmeError('ORCA_ACME_PROTOCOL', `the authority's answer is not JSON: ${foreignText(body, 100)}`, {
      cause,
    });
  }
};

/** Throws what the authority says is wrong. */
const answerOf = (response: TransportResponse, now: number): Answer => {
  const { status, body, header } = response;
  const retryAt = retryAfter(header('retry-after'), now);
  if (status >= 200 && status < 300) return { status, body, header, retryAt };
  const problem = parseProblem(looseJson(body), status);
  throw new AcmeError('ORCA_ACME_PROBLEM', `the authority says ${formatProblem(problem)}`, { problem, retryAt });
};

const isBadNonce = ({ status, body }: TransportResponse): boolean =>
  status === 400 && parseProblem(looseJson(body), status).type === 'badNonce';

const looseJson = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};
