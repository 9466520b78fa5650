import { ProxyError } from './errors.ts';

/** What certificate authorities ask for over plain HTTP (RFC 8555 §8.3). Plain data. */
export interface HttpChallenges {
  /** Hosts whose certificates are obtained here: an unknown token for one of them is 404. `*.example.com` covers one label. */
  readonly managedHosts: readonly string[];
  /** Key authorisations by token. */
  readonly answers: Readonly<Record<string, string>>;
}

/** Takes challenges from another process or from a file; throws `ORCA_PROXY_SETTINGS_INVALID`. */
export const parseHttpChallenges = (value: unknown): HttpChallenges => {
  const { managedHosts, answers }: { managedHosts?: unknown; answers?: unknown } = { ...Object(value) };
  if (!Array.isArray(managedHosts) || managedHosts.some((host) => typeof host !== 'string'))
    throw invalid('managedHosts');
  if (typeof answers !== 'object' || answers === null) throw invalid('answers');
  const texts = Object.entries(answers).flatMap(([token, text]) => (typeof text === 'string' ? [[token, text]] : []));
  if (texts.length !== Object.keys(answers).length) throw invalid('answers');
  return { managedHosts, answers: Object.fromEntries(texts) };
};

const invalid = (part: string): ProxyError =>
  new ProxyError('ORCA_PROXY_SETTINGS_INVALID', `the challenges have no usable ${part}`);

/** What becomes of a request: answered, refused with 404, or (`undefined`) somebody else's, whose path it may be. */
export type ChallengeOutcome = { readonly status: 200; readonly body: string } | { readonly status: 404 };

const prefix = '/.well-known/acme-challenge/';
/** RFC 8555 §8.3: base64url alone. Anything else is no token, so nothing that it could be taken for. */
const tokenShape = /^[\w-]{1,256}$/;

/**
 * The token that a path asks for, or `undefined` when it asks for none. Exactly that and nothing
 * below it: no redirect and no limit stands in its way, so it must not be a way around them.
 */
export const tokenIn = (path: string): string | undefined => {
  if (!path.startsWith(prefix)) return undefined;
  const token = path.slice(prefix.length);
  return tokenShape.test(token) ? token : undefined;
};

/** The challenges in force. */
export class HttpChallengeBook {
  #managed: ReadonlySet<string> = new Set();
  #answers: ReadonlyMap<string, string> = new Map();

  replace({ managedHosts, answers }: HttpChallenges): void {
    this.#managed = new Set(managedHosts.map((host) => host.toLowerCase()));
    this.#answers = new Map(Object.entries(answers));
  }

  /** `name` is the request's host, lower-case and without port. */
  find(name: string | undefined, token: string): ChallengeOutcome | undefined {
    const body = this.#answers.get(token);
    if (body !== undefined) return { status: 200, body };
    return name !== undefined && includesHost(this.#managed, name) ? { status: 404 } : undefined;
  }
}

/** Whether a set of hosts holds this one, by its name or as `*.` and all but its first label. */
export const includesHost = (hosts: ReadonlySet<string>, name: string): boolean => {
  if (hosts.size === 0) return false;
  if (hosts.has(name)) return true;
  const dot = name.indexOf('.');
  return dot !== -1 && hosts.has(`*${name.slice(dot)}`);
};
