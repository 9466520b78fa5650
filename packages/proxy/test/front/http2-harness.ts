import { once } from 'node:events';
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import { closing } from '../harness.ts';
import { secureOptions } from './tls-harness.ts';

export interface Answer {
  readonly status: number;
  /** Names and values in turn, without pseudo-fields. */
  readonly fields: readonly string[];
  readonly body: string;
  readonly interim: readonly number[];
  readonly trailers: Readonly<Record<string, unknown>>;
  /** 0 for a clean end. */
  readonly resetCode: number;
}

export const session = async (
  port: number,
  more: ClientSessionOptions & SecureClientSessionOptions = {},
): Promise<ClientHttp2Session> => {
  const client = connect(`https://app.test:${port}`, {
    ...secureOptions(port),
    ALPNProtocols: ['h2'],
    ...more,
  });
  client.on('error', () => {});
  closing(() => client.destroy());
  await once(client, 'connect');
  return client;
};

/** Sends one request; a body ends it, `null` leaves it open. */
export const ask = (
  client: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body?: string | null,
): { readonly stream: ClientHttp2Stream; readonly answer: Promise<Answer> } => {
  const stream = client.request(
    { ':path': '/', ':authority': 'app.test', ...(body === undefined ? {} : { ':method': 'POST' }), ...headers },
    { endStream: body === undefined },
  );
  stream.on('error', () => {});
  if (typeof body === 'string') stream.end(body);
  return { stream, answer: answerOf(stream) };
};

const answerOf = async (stream: ClientHttp2Stream): Promise<Answer> => {
  const got = { status: 0, fields: [] as string[], body: '', interim: [] as number[], trailers: {} };
  stream.on('headers', (headers) => got.interim.push(Number(headers[':status'])));
  stream.on('response', (headers, _, raw) => {
    got.status = headers[':status'] ?? 0;
    for (let i = 0; i < raw.length; i += 2) if (raw[i] !== ':status') got.fields.push(raw[i] ?? '', raw[i + 1] ?? '');
  });
  stream.on('trailers', (headers) => Object.assign(got.trailers, headers));
  stream.on('data', (chunk: Buffer) => {
    got.body += chunk.toString('latin1');
  });
  await new Promise((resolve) => stream.once('close', resolve));
  return { ...got, resetCode: stream.rstCode ?? 0 };
};

/** One request on a connection of its own. */
export const once2 = async (port: number, headers: OutgoingHttpHeaders = {}, body?: string): Promise<Answer> =>
  ask(await session(port), headers, body).answer;

export const fieldOf = ({ fields }: Answer, name: string): readonly string[] =>
  fields.filter((_, i) => i % 2 === 1 && fields[i - 1] === name);
