/** What certificate authorities ask for, as data (RFC 8555 §8.3). */
export interface Challenges {
  /** Hosts whose certificates are obtained here: an unknown token for one of them is 404. `*.example.com` covers one label. */
  readonly managedHosts: readonly string[];
  /** Key authorisations by token. */
  readonly answers: Readonly<Record<string, string>>;
}

/** What becomes of a request: answered, refused with 404, or (`undefined`) somebody else's, whose path it may be. */
export type ChallengeOutcome = { readonly status: 200; readonly body: string } | { readonly status: 404 };

const prefix = '/.well-known/acme-challenge/';
/** RFC 8555 §8.3: base64url alone. Anything else is no token, so nothing that it could be taken for. */
const tokenShape = /^[\w-]{1,256}$/;

/** Whether a path is one that a certificate authority asks for: no redirect and no limit may stand in its way. */
export const isChallengePath = (path: string): boolean => path.startsWith(prefix);

/** The challenges in force. */
export class ChallengeBook {
  #managed: ReadonlySet<string> = new Set();
  #answers: ReadonlyMap<string, string> = new Map();

  replace({ managedHosts, answers }: Challenges): void {
    this.#managed = new Set(managedHosts.map((host) => host.toLowerCase()));
    this.#answers = new Map(Object.entries(answers));
  }

  /** For a path that `isChallengePath`; `name` is the request's host, lower-case and without port. */
  find(name: string | undefined, path: string): ChallengeOutcome | undefined {
    const query = path.indexOf('?');
    const token = path.slice(prefix.length, query === -1 ? undefined : query);
    const body = tokenShape.test(token) ? this.#answers.get(token) : undefined;
    if (body !== undefined) return { status: 200, body };
    return this.#isManaged(name) ? { status: 404 } : undefined;
  }

  #isManaged(name: string | undefined): boolean {
    return name !== undefined && includesHost(this.#managed, name);
  }
}

/** Whether a set of hosts holds this one, by its name or as `*.` and all but its first label. */
export const includesHost = (hosts: ReadonlySet<string>, name: string): boolean => {
  if (hosts.size === 0) return false;
  if (hosts.has(name)) return true;
  const dot = name.indexOf('.');
  return dot !== -1 && hosts.has(`*${name.slice(dot)}`);
};
