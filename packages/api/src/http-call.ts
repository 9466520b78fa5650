import { request, type IncomingMessage } from 'node:http';
import type { WireIssue } from './contract.ts';
import { ApiError } from './errors.ts';

export interface Endpoint {
  readonly url: URL;
  readonly token: string;
  readonly tokenSource?: string;
}

export interface Call {
  readonly path: string;
  /** Sent as JSON by POST; without one it is a GET. */
  readonly body?: object;
  readonly accept?: string;
}

/** Three heartbeats missed: the server, or the way to it, is gone. */
const silenceMs = 35_000;
/** No event is near this; more would be something else than an orca server. */
const maxLineLength = 16 * 1024 * 1024;

/** Opens a call and returns its answer once it is known to be a success. */
export const openCall = async (endpoint: Endpoint, call: Call, signal: AbortSignal): Promise<IncomingMessage> => {
  signal.throwIfAborted();
  const response = await send(endpoint, call, signal);
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  throw refusal(endpoint, status, await readText(endpoint, response, signal));
};

export const readJson = async (endpoint: Endpoint, call: Call, signal: AbortSignal): Promise<unknown> => {
  const response = await openCall(endpoint, { accept: 'application/json', ...call }, signal);
  return parseJson(await readText(endpoint, response, signal));
};

/** The objects of an NDJSON answer; blank lines are heartbeats. */
export async function* readLines(
  endpoint: Endpoint,
  response: IncomingMessage,
  signal: AbortSignal,
): AsyncIterable<object> {
  let rest = '';
  for await (const chunk of chunks(endpoint, response, signal)) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLineLength) throw new ApiError(0, `${endpoint.url.origin} sent a line without end`);
    for (const line of lines) {
      const value = line === '' ? undefined : parseJson(line);
      if (typeof value === 'object' && value !== null) yield value;
    }
  }
}

const send = (endpoint: Endpoint, call: Call, signal: AbortSignal): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const outgoing = request(new URL(call.path, endpoint.url), {
      method: body === undefined ? 'GET' : 'POST',
      // A connection of its own: a command makes one call, and must not wait for idle sockets to close.
      agent: false,
      signal,
      timeout: silenceMs,
      headers: {
        authorization: `Bearer ${endpoint.token}`,
        accept: call.accept ?? '*/*',
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
    });
    outgoing.once('response', resolve);
    outgoing.once('timeout', () => outgoing.destroy(new ApiError(0, `no answer from ${endpoint.url.origin}`)));
    outgoing.on('error', (error) => reject(failure(endpoint, error, signal)));
    outgoing.end(body);
  });

async function* chunks(endpoint: Endpoint, response: IncomingMessage, signal: AbortSignal): AsyncIterable<string> {
  response.setEncoding('utf8');
  try {
    for await (const chunk of response) yield String(chunk);
  } catch (error) {
    throw failure(endpoint, error, signal);
  }
}

export const readText = async (endpoint: Endpoint, response: IncomingMessage, signal: AbortSignal): Promise<string> => {
  let text = '';
  for await (const chunk of chunks(endpoint, response, signal)) {
    text += chunk;
    if (text.length > maxLineLength) throw new ApiError(0, `${endpoint.url.origin} sent an answer without end`);
  }
  return text;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError(0, 'the answer is not JSON; is this an orca server?', { cause });
  }
};

const failure = ({ url }: Endpoint, cause: unknown, signal: AbortSignal): unknown => {
  if (signal.aborted) return signal.reason;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  if (code === 'ORCA_API') return cause;
  if (code === 'ECONNREFUSED')
    return new ApiError(0, `orca server is not running at ${url.origin}; start it with: orca server`, { cause });
  if (code === 'ECONNRESET')
    return new ApiError(0, `orca server at ${url.origin} closed the connection; see: orca status`, { cause });
  return new ApiError(
    0,
    `cannot reach orca server at ${url.origin}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { cause },
  );
};

const refusal = ({ tokenSource }: Endpoint, status: number, text: string): ApiError => {
  const { error, issues } = errorBody(text);
  const message = error ?? `the server answered with status ${status}`;
  if (status !== 401) return new ApiError(status, message, { issues });
  const from = tokenSource === undefined ? '' : `; it was read from ${tokenSource}`;
  return new ApiError(status, `the server refused the token: ${message}${from}`);
};

const errorBody = (text: string): { readonly error?: string; readonly issues: readonly WireIssue[] } => {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null) return { issues: [] };
    return {
      ...('error' in body && typeof body.error === 'string' ? { error: body.error } : {}),
      issues: 'issues' in body && Array.isArray(body.issues) ? body.issues : [],
    };
  } catch {
    // Not JSON: the status says what there is to say.
    return { issues: [] };
  }
};
