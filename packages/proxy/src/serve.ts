import { STATUS_CODES } from 'node:http';
import type { Admitted, Refused } from './admission.ts';
import type { ClientSide } from './client-side.ts';
import { Exchange, type ExchangeDeps } from './exchange.ts';
import { originOf } from './forwarding.ts';
import type { Journal } from './journal.ts';
import type { Before, OwnAnswer } from './options.ts';
import { answer } from './refusal.ts';
import { requestIdOf } from './request-id.ts';
import type { RequestRecord } from './request-record.ts';
import { judgeRequest, judgeRoute, type Judged, type Verdict, type VerdictDeps } from './verdict.ts';

export interface ServeDeps extends ExchangeDeps, VerdictDeps {
  readonly before: Before | undefined;
  readonly journal: Journal;
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
  const { client, admission, expectation, wantsUpgrade } = request;
  const { policy } = deps.settings;
  const origin = originOf(client.peer, client.fields, policy);
  const record = deps.journal.open(client, origin, requestIdOf(client.fields, origin.trusted));
  if (!admission.ok) return refuse(deps, record, { ...admission, close: true });
  if (expectation === 'unknown')
    return refuse(deps, record, { status: 417, reason: 'unknown expectation', close: true });
  if (admission.path === '*') return tell(deps, record, { status: 204, fields: ['Allow', allowedMethods] });
  const judged: Judged = { client, admitted: admission, origin, policy, nowMs: record.startedMs };
  const verdict = judgeRequest(deps, judged) ?? ownVerdict(deps, request, admission) ?? judgeRoute(deps, judged);
  if (verdict.kind === 'tell') return tell(deps, record, verdict.answer);
  if (verdict.kind === 'refuse') return refuse(deps, record, verdict);
  record.routed(verdict.memory);
  const exchange = new Exchange(deps, {
    client,
    admitted: admission,
    policy,
    record,
    route: verdict.route,
    wantsUpgrade,
    expectsContinue: expectation === 'continue',
  });
  client.listen(exchange);
  exchange.start();
};

const allowedMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** What the embedder makes of it. */
const ownVerdict = (deps: ServeDeps, { client, wantsUpgrade }: Request, admitted: Admitted): Verdict | undefined => {
  if (wantsUpgrade || deps.before === undefined) return undefined;
  try {
    const { method, peer } = client;
    const own = deps.before({ method, host: admitted.authority?.name, path: admitted.path, peer });
    return own && { kind: 'tell', answer: own };
  } catch (cause) {
    deps.observe({ kind: 'hook-failed', cause });
    return { kind: 'refuse', status: 500, reason: 'the embedder failed' };
  }
};

interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly fields?: readonly string[];
  /** The connection cannot be used any more, whatever is left to read. */
  readonly close?: boolean;
}

const refuse = (deps: ServeDeps, record: RequestRecord, { status, reason, fields, close = false }: Refusal): void => {
  const { client } = record;
  // The rest is everyday, and in the access log.
  if (close || status === 508) deps.observe({ kind: 'refused', peer: client.peer.address, status, reason });
  record.reason = reason;
  record.headed(status);
  answer(client, status, { close: close || endsHere(deps, client), ...(fields && { fields }) });
  record.close();
};

const tell = (deps: ServeDeps, record: RequestRecord, { status, fields, body = '' }: OwnAnswer): void => {
  const { client } = record;
  record.headed(status);
  const length = status === 204 ? [] : ['Content-Length', String(Buffer.byteLength(body))];
  const head = { status, reason: STATUS_CODES[status], fields: [...fields, ...length], dated: true };
  client.start({ ...head, close: endsHere(deps, client) });
  client.end(body);
  record.close();
};

/** A request that is still coming in cannot be followed by another one; what comes is swallowed for a while. */
const endsHere = (deps: ServeDeps, client: ClientSide): boolean => {
  if (!client.hasBody || client.isComplete) return deps.isClosing();
  client.discardRest();
  return true;
};
