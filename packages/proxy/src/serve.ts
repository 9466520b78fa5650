import { STATUS_CODES } from 'node:http';
import type { Admitted, Refused } from './admission.ts';
import type { ClientSide } from './client-side.ts';
import { Exchange, type ExchangeDeps } from './exchange.ts';
import { originOf } from './forwarding.ts';
import type { Before, OwnAnswer } from './options.ts';
import { answer } from './refusal.ts';
import { requestIdOf } from './request-id.ts';
import { hasPassed } from './via.ts';

export interface ServeDeps extends ExchangeDeps {
  readonly before: Before | undefined;
  /** Refuses a host that the connection's certificate is not for. */
  readonly refuseMisdirected: boolean;
}

export interface Request {
  readonly client: ClientSide;
  readonly admission: Admitted | Refused;
  /** What `Expect` asks for. */
  readonly expectation?: 'continue' | 'unknown';
  /** Asks to switch to WebSocket. */
  readonly wantsUpgrade: boolean;
}

/** Everything between a request head and its exchange with a target: what is refused, and what is answered here. */
export const serve = (deps: ServeDeps, request: Request): void => {
  const { before } = deps;
  const { client, admission, expectation, wantsUpgrade } = request;
  const end = (status: number, close: boolean): void => answer(client, status, close || deps.isClosing());
  if (!admission.ok) {
    const { status, reason } = admission;
    deps.observe({ kind: 'refused', peer: client.peer.address, status, reason });
    return end(status, true);
  }
  const { authority } = admission;
  if (deps.refuseMisdirected && authority !== undefined && !client.covers(authority.name)) return end(421, true);
  if (expectation === 'unknown') return end(417, true);
  if (admission.path === '*') {
    return tell(client, { status: 204, fields: ['Allow', allowedMethods] }, deps.isClosing());
  }
  if (!wantsUpgrade && before !== undefined) {
    try {
      const { method, peer } = client;
      const own = before({ method, host: authority?.name, path: admission.path, peer });
      if (own !== undefined) return tell(client, own, client.hasBody || deps.isClosing());
    } catch (cause) {
      deps.observe({ kind: 'hook-failed', cause });
      return end(500, client.hasBody);
    }
  }
  const { policy } = deps.settings;
  if (hasPassed(client.fields, policy.pseudonym)) {
    deps.observe({ kind: 'refused', peer: client.peer.address, status: 508, reason: 'went in a circle' });
    return end(508, client.hasBody);
  }
  const origin = originOf(client.peer, client.fields, policy);
  const exchange = new Exchange(deps, {
    client,
    admitted: admission,
    policy,
    origin,
    requestId: requestIdOf(client.fields, origin.trusted),
    wantsUpgrade,
    expectsContinue: expectation === 'continue',
  });
  client.listen(exchange);
  exchange.start();
};

const allowedMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

const tell = (client: ClientSide, { status, fields, body = '' }: OwnAnswer, close: boolean): void => {
  const length = status === 204 ? [] : ['Content-Length', String(Buffer.byteLength(body))];
  client.start({ status, reason: STATUS_CODES[status], fields: [...fields, ...length], dated: true, close });
  client.end(body);
};
