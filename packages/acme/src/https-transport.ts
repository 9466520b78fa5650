import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { AcmeError, messageOf } from './errors.ts';
import type { Transport, TransportResponse } from './ports.ts';

export interface HttpsTransportOptions {
  /** PEM certificates to trust instead of the system's: for a private authority. */
  readonly ca?: string;
  /** For a whole exchange. */
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  readonly userAgent?: string;
}

/**
 * Each exchange has a connection of its own: a renewal makes a dozen, and a pooled socket that
 * died meanwhile would cost a request whose nonce is spent.
 */
export const createHttpsTransport = (options: HttpsTransportOptions = {}): Transport => {
  const { ca, timeoutMs = 30_000, maxBytes = 1024 * 1024, userAgent = 'orca-acme' } = options;
  return async ({ method, url, headers, body }, signal) => {
    const send = new URL(url).protocol === 'http:' ? httpRequest : httpsRequest;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const fields = { ...headers, 'user-agent': userAgent };
    const settings = { method, headers: fields, agent: false, signal: limit, ...(ca === undefined ? {} : { ca }) };
    try {
      return await exchange((on) => send(url, settings satisfies RequestOptions, on), body, maxBytes);
    } catch (cause) {
      signal.throwIfAborted();
      const why = limit.aborted ? `no whole answer within ${timeoutMs / 1000} s` : reasonOf(cause);
      throw new AcmeError('ORCA_ACME_UNREACHABLE', `${method} ${new URL(url).host}: ${why}`, { cause });
    }
  };
};

type Open = (on: (response: IncomingMessage) => void) => ReturnType<typeof httpRequest>;

const exchange = (open: Open, body: string | undefined, maxBytes: number): Promise<TransportResponse> =>
  new Promise((resolve, reject) => {
    const req = open((response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) response.destroy(new Error(`an answer of more than ${maxBytes} bytes`));
        chunks.push(chunk);
      });
      response.on('error', reject);
      // Cut off: `end` does not come, or comes without the promised length.
      response.on('close', () => {
        if (!response.complete) reject(new Error('the answer was cut off'));
      });
      response.on('end', () => {
        if (!response.complete) return;
        resolve({
          status: response.statusCode ?? 0,
          header: (name) => one(response.headers[name]),
          body: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    req.on('error', reject);
    req.end(body);
  });

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** An `AggregateError` of several addresses has no message of its own. */
const reasonOf = (cause: unknown): string => {
  const message = messageOf(cause);
  if (message !== '') return message;
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : 'no connection';
};
