import { STATUS_CODES } from 'node:http';
import type { ClientSide } from './client-side.ts';
import { fieldValue } from './raw-fields.ts';

/** Constant texts: nothing of the request, the table or a target is ever echoed. */
const texts: Readonly<Record<number, string>> = {
  400: 'Bad request',
  404: 'Nothing is served here',
  405: 'Method not allowed',
  408: 'The request took too long',
  413: 'The request is too large',
  417: 'Expectation failed',
  421: 'This host is not served on this connection',
  429: 'Too many requests',
  431: 'The request header is too large',
  500: 'Internal error',
  501: 'Not implemented',
  502: 'The service did not answer properly',
  503: 'The service is not available at the moment',
  504: 'The service took too long to answer',
  505: 'HTTP version not supported',
  508: 'Loop detected',
};

const fixedFields: Readonly<Record<number, readonly string[]>> = {
  405: ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
  503: ['Retry-After', '5'],
};

/** A 503 that somebody wanted, so that nobody looks for a fault. */
export const stoppedText = 'The service was stopped by its operator';

export interface AnswerOptions {
  readonly close: boolean;
  /** In place of the status's own text. */
  readonly text?: string | undefined;
  readonly fields?: readonly string[];
}

/** Answers in the proxy's own name. The response must not have started. */
export const answer = (client: ClientSide, status: number, { close, text, fields: more = [] }: AnswerOptions): void => {
  const { fields, body } = errorPage(status, fieldValue(client.fields, 'accept'), text ?? textOf(status));
  client.start({ status, reason: STATUS_CODES[status], fields: [...fields, ...more], dated: true, close });
  client.end(body);
};

/** The same for a socket whose request never became one. */
export const rawAnswer = (status: number): string => {
  const { fields, body } = errorPage(status, undefined, textOf(status));
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return `${head}Connection: close\r\n\r\n${body}`;
};

const textOf = (status: number): string => texts[status] ?? STATUS_CODES[status] ?? '';

const errorPage = (
  status: number,
  accept: string | undefined,
  text: string,
): { readonly fields: readonly string[]; readonly body: string } => {
  const json = prefersJson(accept);
  const body = json ? `${JSON.stringify({ error: text })}\n` : `${text}\n`;
  const type = json ? 'application/json' : 'text/plain; charset=utf-8';
  const length = String(Buffer.byteLength(body));
  return {
    fields: [
      'Content-Type',
      type,
      'Content-Length',
      length,
      'Cache-Control',
      'no-store',
      ...(fixedFields[status] ?? []),
    ],
    body,
  };
};

/** The highest quality wins; among equals, what the client named first. */
const prefersJson = (accept: string | undefined): boolean => {
  let best = { quality: 0, json: false };
  for (const range of accept?.split(',') ?? []) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const quality = q === undefined ? 1 : Number(q.slice(2));
    if (quality > best.quality) best = { quality, json: type === 'application/json' };
  }
  return best.json;
};
