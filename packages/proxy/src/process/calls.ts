import { ProxyError, type ProxyErrorCode } from '../errors.ts';
import type { Line } from './line.ts';

export interface CallContext {
  /** Aborted when the caller gives up, and when the line ends. */
  readonly signal: AbortSignal;
  /** A listening handle that came along. */
  readonly handle: unknown;
}

/** What this side answers, by method. What it returns must be plain data. */
export type Handlers = Readonly<Record<string, (params: unknown, context: CallContext) => unknown>>;

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** The other side is given up after so long (10 s); 0 waits for ever. */
  readonly timeoutMs?: number;
  readonly handle?: object;
}

/** Calls in both directions over one line. */
export interface Calls {
  /** Rejects with the other side's error, or `ORCA_PROXY_UNREACHABLE` when the line ends or it takes too long. */
  call(method: string, params: object, options?: CallOptions): Promise<unknown>;
  /** Says something that needs no answer. */
  note(method: string, params: object): void;
  readonly ended: Promise<void>;
  end(): void;
}

interface OpenCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const defaultTimeoutMs = 10_000;

export const createCalls = (line: Line, handlers: Handlers): Calls => {
  const open = new Map<number, OpenCall>();
  const answering = new Map<number, AbortController>();
  let last = 0;
  let isOver = false;

  const settle = (id: number, how: (call: OpenCall) => void): void => {
    const call = open.get(id);
    open.delete(id);
    if (call !== undefined) how(call);
  };

  line.onMessage((message, handle) => {
    const { kind, id, method, params, value, code, cause, message: text } = membersOf(message);
    if (kind === 'note' && typeof method === 'string') void run(handlers, method, params, anyContext(handle));
    if (typeof id !== 'number') return;
    if (kind === 'call' && typeof method === 'string') {
      const giveUp = new AbortController();
      answering.set(id, giveUp);
      void run(handlers, method, params, { signal: giveUp.signal, handle }).then((outcome) => {
        answering.delete(id);
        line.send({ id, ...outcome });
      });
    } else if (kind === 'cancel') answering.get(id)?.abort(new Error('the caller gave up'));
    else if (kind === 'answer') settle(id, (call) => call.resolve(value));
    else if (kind === 'fault') settle(id, (call) => call.reject(decodeError(code, text, cause)));
  });
  void line.ended.then(() => {
    isOver = true;
    for (const { reject } of open.values()) reject(gone());
    for (const controller of answering.values()) controller.abort(gone());
    open.clear();
  });

  return {
    call: async (method, params, { signal, timeoutMs = defaultTimeoutMs, handle } = {}) => {
      signal?.throwIfAborted();
      if (isOver) throw gone();
      const id = (last += 1);
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      open.set(id, { resolve, reject });
      const giveUp = (error: Error): void => {
        line.send({ kind: 'cancel', id });
        settle(id, () => reject(error));
      };
      const abort = (): void => giveUp(signal?.reason as Error);
      const late = (): void =>
        giveUp(new ProxyError('ORCA_PROXY_UNREACHABLE', `no answer to ${method} in ${timeoutMs} ms`));
      const timer = timeoutMs > 0 ? setTimeout(late, timeoutMs) : undefined;
      signal?.addEventListener('abort', abort, { once: true });
      try {
        line.send({ kind: 'call', id, method, params }, handle);
        return await promise;
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      }
    },
    note: (method, params) => line.send({ kind: 'note', method, params }),
    ended: line.ended,
    end: () => line.end(),
  };
};

const anyContext = (handle: unknown): CallContext => ({ signal: new AbortController().signal, handle });

const run = async (handlers: Handlers, method: string, params: unknown, context: CallContext): Promise<object> => {
  try {
    const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
    if (handler === undefined) throw new ProxyError('ORCA_PROXY_PROTOCOL', `there is no method ${method}`);
    return { kind: 'answer', value: (await handler(params, context)) ?? null };
  } catch (error) {
    return { kind: 'fault', ...encodeError(error) };
  }
};

const gone = (): ProxyError => new ProxyError('ORCA_PROXY_UNREACHABLE', 'the other process of the proxy is gone');

const codes: Readonly<Record<ProxyErrorCode, true>> = {
  ORCA_PROXY_TABLE_INVALID: true,
  ORCA_PROXY_TARGET_ROUTED: true,
  ORCA_PROXY_NOT_LISTENING: true,
  ORCA_PROXY_ALREADY_LISTENING: true,
  ORCA_PROXY_SETTINGS_INVALID: true,
  ORCA_PROXY_PORT_UNAVAILABLE: true,
  ORCA_PROXY_UNREACHABLE: true,
  ORCA_PROXY_SUPERSEDED: true,
  ORCA_PROXY_PROTOCOL: true,
};

const isCode = (code: unknown): code is ProxyErrorCode => typeof code === 'string' && Object.hasOwn(codes, code);

/** With the code of the system's error behind it, which tells what to do. */
const encodeError = (error: unknown): { readonly code: string; readonly message: string; readonly cause?: string } => {
  if (!Error.isError(error)) return { code: 'ORCA_PROXY_PROTOCOL', message: String(error) };
  const cause = codeOf(error.cause);
  return {
    code: codeOf(error) ?? 'ORCA_PROXY_PROTOCOL',
    message: error.message,
    ...(cause === undefined ? {} : { cause }),
  };
};

const decodeError = (code: unknown, message: unknown, cause?: unknown): ProxyError => {
  const text = typeof message === 'string' ? message : 'no reason was given';
  const behind = isCode(code) ? cause : code;
  return new ProxyError(isCode(code) ? code : 'ORCA_PROXY_PROTOCOL', text, {
    cause: behind === undefined ? undefined : Object.assign(new Error(text), { code: behind }),
  });
};

export const codeOf = (error: unknown): string | undefined =>
  Error.isError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** Whether an error says that a state or a setting cannot be served by: asked again, the answer is the same. */
export const isRefusal = (error: unknown): boolean =>
  ['ORCA_PROXY_TABLE_INVALID', 'ORCA_PROXY_SETTINGS_INVALID'].includes(codeOf(error) ?? '');

/** The members of a message that is not to be believed yet. */
export const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};
