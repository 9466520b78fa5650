import { performance } from 'node:perf_hooks';
import type { ControlPlane } from './contract.ts';
import { createRouter, pathOf } from './router.ts';
import { RunningCalls } from './running-calls.ts';
import type { Authorize } from './token.ts';

export { tokenAuthorizer, type Authorize, type Role } from './token.ts';

/** One answered request, for a log; holds no header, query or body. */
export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly ms: number;
  readonly address: string;
}

export interface ApiServerOptions {
  readonly authorize: Authorize;
  readonly version: string;
  /** Names, besides the loopback ones, under which callers may know this server. */
  readonly allowedHosts?: readonly string[];
  readonly onRequest?: (record: RequestRecord) => void;
  /** A request whose head and body have not come by then is closed; 15 s unless told. */
  readonly requestTimeoutMs?: number;
}

export interface ApiServer {
  /** Port 0 takes a free one; the answer says which. Throws what the system says when it cannot listen. */
  listen(at: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }>;
  /** Aborts the calls under way, gives them a moment to tell how they ended, and closes every connection. */
  close(): Promise<void>;
}

const defaultRequestTimeoutMs = 15_000;
const closeGraceMs = 5_000;

/** Serves a control plane over HTTP, with everything denied that is not in the table of routes. */
export const createApiServer = (plane: ControlPlane, options: ApiServerOptions): ApiServer => {
  const calls = new RunningCalls();
  const { onRequest } = options;
  const app = createRouter({
    plane,
    calls,
    authorize: options.authorize,
    version: options.version,
    allowedHosts: (options.allowedHosts ?? []).map((host) => host.toLowerCase()),
    requestTimeoutMs: options.requestTimeoutMs ?? defaultRequestTimeoutMs,
    now: () => performance.now(),
  });
  if (onRequest !== undefined) {
    app.addHook('onResponse', async (request, reply) => {
      const { method, ip: address } = request;
      onRequest({ method, path: pathOf(request), status: reply.raw.statusCode, ms: reply.elapsedTime, address });
    });
  }
  return {
    async listen(at) {
      await app.listen(at);
      const [address] = app.addresses();
      return { port: typeof address === 'object' ? address.port : at.port };
    },
    async close() {
      await calls.cancel(closeGraceMs);
      await app.close();
    },
  };
};
