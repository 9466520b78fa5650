import type { Target } from '../route.ts';
import type { ProxyTimeouts } from '../settings.ts';
import type { Upstream, UpstreamCall, UpstreamHandler, UpstreamRequest } from '../upstream.ts';
import { H2cCall } from './h2c-call.ts';
import { H2cSession } from './h2c-session.ts';

type Timeouts = Pick<ProxyTimeouts, 'connectMs' | 'responseHeadersMs'>;

/** HTTP/2 in the clear to targets that speak nothing else, as gRPC servers do; requests share connections. */
export const createH2cUpstream = (timeouts: Timeouts): Upstream => new H2cUpstream(timeouts);

class H2cUpstream implements Upstream {
  readonly #timeouts: Timeouts;
  readonly #sessions = new Map<string, Set<H2cSession>>();
  #retained: ReadonlySet<string> = new Set();

  constructor(timeouts: Timeouts) {
    this.#timeouts = timeouts;
  }

  send(target: Target, request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const call = new H2cCall(request, handler, request.responseHeadersMs ?? this.#timeouts.responseHeadersMs);
    if (request.upgrade) call.failLater('broken', new Error('a target that speaks h2c takes no WebSocket'));
    else call.begin(() => this.#sessionTo(target, request.fresh));
    return call;
  }

  retain(targets: readonly Target[]): void {
    this.#retained = new Set(targets.map(authorityOf));
    for (const [authority, sessions] of this.#sessions) {
      if (this.#retained.has(authority)) continue;
      for (const session of sessions) session.retire();
    }
  }

  async close(): Promise<void> {
    this.#retained = new Set();
    for (const sessions of this.#sessions.values()) for (const session of sessions) session.destroy();
    this.#sessions.clear();
  }

  #sessionTo(target: Target, fresh: boolean): H2cSession {
    const authority = authorityOf(target);
    const known = this.#sessions.get(authority) ?? new Set();
    for (const session of known) if (session.hasRoom && !(fresh && session.isUsed)) return session;
    const onGone = (): void => {
      known.delete(session);
      if (known.size === 0 && this.#sessions.get(authority) === known) this.#sessions.delete(authority);
    };
    const session: H2cSession = new H2cSession({ authority, connectMs: this.#timeouts.connectMs, onGone });
    this.#sessions.set(authority, known.add(session));
    return session;
  }
}

const authorityOf = ({ host, port }: Target): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
