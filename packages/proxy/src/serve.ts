import type { IncomingMessage, ServerResponse } from 'node:http';
import { admit, hasBody } from './admission.ts';
import type { ClientConnection } from './client-connection.ts';
import { Exchange, type ExchangeDeps } from './exchange.ts';
import type { ProxyOptions } from './options.ts';
import { answer } from './refusal.ts';

export interface ServeDeps extends ExchangeDeps {
  readonly before: ProxyOptions['before'];
}

/** What a request asks for beyond its response. */
export interface Asks {
  readonly expectation?: 'continue' | 'unknown';
  readonly upgradeHead?: Buffer;
}

export interface Incoming extends Asks {
  readonly connection: ClientConnection;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** Everything between a well-framed request head and its exchange with a target: what is refused, and what is answered here. */
export const serve = (deps: ServeDeps, incoming: Incoming): void => {
  const { connection, req, res, expectation, upgradeHead } = incoming;
  connection.opened(res);
  const end = (status: number, close: boolean): void => {
    if (close) connection.endAfterThis();
    answer(req, res, status, close || deps.isClosing());
  };
  const admitted = admit(req);
  if (!admitted.ok) {
    deps.observe({ kind: 'refused', peer: connection.peerAddress, status: admitted.status, reason: admitted.reason });
    return end(admitted.status, true);
  }
  if (expectation === 'unknown') return end(417, true);
  if (admitted.path === '*') {
    res.writeHead(204, { Allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' }).end();
    return;
  }
  const { before } = deps;
  if (upgradeHead === undefined && before !== undefined) {
    try {
      if (before(req, res)) return;
    } catch (cause) {
      deps.observe({ kind: 'hook-failed', cause });
      return res.headersSent ? connection.breakOff(res, false) : end(500, hasBody(req));
    }
  }
  const exchange = new Exchange(deps, {
    connection,
    req,
    res,
    admitted,
    upgradeHead,
    expectsContinue: expectation === 'continue',
  });
  connection.carries(exchange, res);
  exchange.start();
};
