import type { Admitted } from './admission.ts';
import { clientKey } from './address.ts';
import type { ClientSide } from './client-side.ts';
import type { Origin } from './forwarding.ts';
import { includesHost, tokenIn, type HttpChallengeBook } from './http-challenges.ts';
import type { OwnAnswer } from './options.ts';
import type { Policy } from './policy.ts';
import { fieldValue } from './raw-fields.ts';
import type { RouteBook, RouteMemory } from './route-book.ts';
import type { Route } from './route.ts';
import { isUnambiguous } from './strict-path.ts';
import type { Table } from './table.ts';
import type { RawFields } from './upstream.ts';
import { hasPassed } from './via.ts';

interface Refusal {
  readonly kind: 'refuse';
  readonly status: number;
  readonly reason: string;
  readonly fields?: RawFields;
  /** The connection is good for nothing more. */
  readonly close?: boolean;
}

/** What becomes of a well-formed request before any target is asked. */
export type Verdict =
  | { readonly kind: 'forward'; readonly route: Route; readonly memory: RouteMemory }
  | Refusal
  | { readonly kind: 'tell'; readonly answer: OwnAnswer };

export interface VerdictDeps {
  /** Refuses a host that the connection's certificate is not for. */
  readonly refuseMisdirected: boolean;
  readonly table: Table;
  readonly book: RouteBook;
  readonly challenges: HttpChallengeBook;
}

export interface Judged {
  readonly client: ClientSide;
  readonly admitted: Admitted;
  readonly origin: Origin;
  readonly policy: Policy;
  /** Monotonic milliseconds. */
  readonly nowMs: number;
}

/** What is refused whomever it is for. */
export const judgeRequest = (deps: VerdictDeps, { client, admitted, policy }: Judged): Verdict | undefined => {
  const name = admitted.authority?.name;
  if (deps.refuseMisdirected && name !== undefined && !client.covers(name))
    return { ...refuse(421, 'misdirected'), close: true };
  return hasPassed(client.fields, policy.pseudonym) ? refuse(508, 'went in a circle') : undefined;
};

/** What its route, or the lack of one, makes of it. First match wins. */
export const judgeRoute = (deps: VerdictDeps, judged: Judged): Verdict => {
  const { admitted, client, origin } = judged;
  const { path, authority } = admitted;
  const token = tokenIn(path);
  const outcome = token === undefined ? undefined : deps.challenges.find(authority?.name, token);
  if (outcome?.status === 200) return { kind: 'tell', answer: { status: 200, fields: opaque, body: outcome.body } };
  if (outcome?.status === 404) return refuse(404, 'unknown challenge');
  const route = deps.table.find(authority?.name, path);
  if (route === undefined) return refuse(404, 'no route');
  const memory = deps.book.of(route);
  // What a certificate authority asks of a host whose certificates are obtained elsewhere.
  if (token !== undefined) return { kind: 'forward', route, memory };
  const location = redirection(deps.table, route, judged);
  if (location !== undefined) return { kind: 'tell', answer: redirect(location) };
  if (route.strictPath === true && !isUnambiguous(path)) return refuse(400, 'ambiguous path');
  const waitMs = memory.limiter?.take(clientKey(origin.client), judged.nowMs) ?? 0;
  if (waitMs > 0) {
    memory.counters.limited += 1;
    return refuse(429, 'asks too often', ['Retry-After', String(Math.ceil(waitMs / 1_000))]);
  }
  const most = route.limits?.maxBodyBytes;
  if (most !== undefined && client.hasBody && Number(fieldValue(client.fields, 'content-length') ?? 0) > most)
    return refuse(413, 'body larger than the route allows');
  return { kind: 'forward', route, memory };
};

const refuse = (status: number, reason: string, fields?: RawFields): Refusal => ({
  kind: 'refuse',
  status,
  reason,
  ...(fields && { fields }),
});

/** RFC 8555 §8.3 leaves the type open; a browser that gets to see one should not render it. */
const opaque: RawFields = ['Content-Type', 'application/octet-stream', 'Cache-Control', 'no-store'];

/** Where the same is to be had over HTTPS: only for a host whose certificate is good, so that nobody is sent into a warning. */
const redirection = (table: Table, route: Route, { admitted, origin, policy }: Judged): string | undefined => {
  const name = admitted.authority?.name;
  if (origin.secure || name === undefined || route.https === 'optional') return undefined;
  if (!includesHost(table.httpsHosts, name)) return undefined;
  const port = policy.httpsPort === 443 ? '' : `:${policy.httpsPort}`;
  return `https://${name}${port}${admitted.path}`;
};

/** 308 keeps method and body (RFC 9110 §15.4.9). */
const redirect = (location: string): OwnAnswer => ({
  status: 308,
  fields: ['Location', location, 'Content-Type', 'text/plain; charset=utf-8'],
  body: 'This is served over HTTPS\n',
});
