import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Pebble } from '@orca/tooling-testbed';

/** A request as the authority would see it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  /** Protected header and payload of the signed body; empty for requests without one. */
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: unknown;
  readonly at: number;
}

export interface Answered {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What is done to a request: another answer, none (`cut` breaks off in the body), or a changed one. */
export interface Fault {
  readonly answer?: Answered;
  readonly cut?: boolean;
  readonly change?: (answer: Answered) => void;
}

export interface FaultProxy extends AsyncDisposable {
  /** With pebble's own certificate. */
  readonly directory: string;
  readonly origin: string;
  readonly asked: readonly Asked[];
  /** The first fault that is given for a request counts; replace it at any time. */
  fault: (asked: Asked) => Fault | undefined;
  /** Nonces in the order in which they were sent. */
  nonces(): readonly string[];
  count(pattern: RegExp, method?: string): number;
}

/** Stands before pebble, hears everything, and lies where it is told to. */
export async function faultProxy(pebble: Pebble): Promise<FaultProxy> {
  const asked: Asked[] = [];
  const server = createServer({ cert: pebble.ca, key: pebble.key }, (req, res) => void serve(req, res));
  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const body = await textOf(req);
    const one = { method: req.method ?? '', path: req.url ?? '', ...signedParts(body), at: Date.now() };
    asked.push(one);
    const fault = proxy.fault(one);
    const answer = fault?.answer ?? (await forward(pebble, req, body).catch(() => gone));
    fault?.change?.(answer);
    if (fault?.cut === true) {
      res.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length + 10) });
      res.write(answer.body.slice(0, 20), () => res.destroy());
      return;
    }
    res.writeHead(answer.status, { ...answer.headers, 'content-length': String(Buffer.byteLength(answer.body)) });
    res.end(req.method === 'HEAD' ? undefined : answer.body);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy: FaultProxy = {
    directory: `${origin}/dir`,
    origin,
    asked,
    fault: () => undefined,
    nonces: () => asked.flatMap(({ header }) => (typeof header['nonce'] === 'string' ? [header['nonce']] : [])),
    count: (pattern, method) =>
      asked.filter((one) => pattern.test(one.path) && (method === undefined || one.method === method)).length,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return proxy;
}

export const problem = (
  status: number,
  type: string,
  detail: string,
  headers: Record<string, string> = {},
): Answered => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, status }),
});

const gone: Answered = { status: 502, headers: {}, body: 'nobody there' };

/** Pebble makes its addresses from what it is asked as, so everything keeps going through here. */
function forward(pebble: Pebble, req: IncomingMessage, body: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const headers = {
      host: req.headers.host ?? '',
      'user-agent': req.headers['user-agent'] ?? '',
      ...(req.headers['content-type'] === undefined ? {} : { 'content-type': req.headers['content-type'] }),
      'content-length': String(Buffer.byteLength(body)),
    };
    const settings = { method: req.method ?? 'GET', ca: pebble.ca, agent: false as const, headers };
    const out = httpsRequest(`https://127.0.0.1:${pebble.port}${req.url}`, settings, (res) => {
      void textOf(res).then((text) => {
        const kept: Record<string, string> = {};
        for (const [name, value] of Object.entries<string | string[] | undefined>(res.headers))
          if (value !== undefined && !hopByHop.has(name)) kept[name] = Array.isArray(value) ? value.join(', ') : value;
        resolve({ status: res.statusCode ?? 0, headers: kept, body: text });
      }, reject);
    });
    out.on('error', reject);
    out.end(body);
  });
}

const hopByHop = new Set(['connection', 'transfer-encoding', 'content-length', 'keep-alive']);

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const piece of stream) text += String(piece);
  return text;
}

function signedParts(body: string): Pick<Asked, 'header' | 'payload'> {
  if (body === '') return { header: {}, payload: undefined };
  const { protected: head, payload } = JSON.parse(body) as { protected: string; payload: string };
  const read = (part: string): unknown => (part === '' ? '' : JSON.parse(Buffer.from(part, 'base64url').toString()));
  return { header: read(head) as Record<string, unknown>, payload: read(payload) };
}
