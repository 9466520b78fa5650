import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { AttemptLimit } from './attempt-limit.ts';
import { foreignCaller } from './caller-site.ts';
import type { ControlPlane } from './contract.ts';
import { ApiError } from './errors.ts';
import type { RunningCalls } from './running-calls.ts';
import { rolesWith, routes, type Answer, type Route } from './routes.ts';
import { streamAnswer } from './stream-answer.ts';
import { bearerToken, type Authorize } from './token.ts';
import { faultOf } from './wire-error.ts';

export interface RouterOptions {
  readonly plane: ControlPlane;
  readonly calls: RunningCalls;
  readonly authorize: Authorize;
  readonly version: string;
  readonly allowedHosts: readonly string[];
  readonly now: () => number;
  /** A request that is not complete by then is closed. */
  readonly requestTimeoutMs: number;
}

const bodyLimit = 1024 * 1024;
const failedLogins = { failures: 10, windowMs: 60_000 };

/** The HTTP side of the API: nothing but the table of routes, behind the checks that come before it. */
export const createRouter = (o: RouterOptions): FastifyInstance => {
  const app = fastify({
    bodyLimit,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    requestTimeout: o.requestTimeoutMs,
    http: { headersTimeout: o.requestTimeoutMs, connectionsCheckingInterval: 1_000 },
    // What is asked for is taken as it stands: no coercion, no silent dropping of misspelt fields.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    frameworkErrors: (error, _request, reply) => void sendFault(reply, error),
    clientErrorHandler: (error, socket) => {
      const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
      if (socket.writable) {
        const body = JSON.stringify({ error: status });
        socket.end(
          `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
        );
      } else socket.destroy();
    },
  });
  app.removeContentTypeParser('text/plain');
  guardEntrance(app, o);
  app.setErrorHandler((error, _request, reply) => sendFault(reply, error));
  app.setNotFoundHandler((request, reply) =>
    sendFault(reply, new ApiError(404, `no such route: ${request.method} ${pathOf(request)}`)),
  );
  for (const route of routes) register(app, route, o);
  return app;
};

/** The request's path without its query, which may hold anything. */
export const pathOf = ({ url }: FastifyRequest): string => url.split('?', 1)[0] ?? '';

const guardEntrance = (app: FastifyInstance, o: RouterOptions): void => {
  const table = new Map(routes.map((route) => [`${route.method} ${pattern(route)}`, route.permission]));
  const limit = new AttemptLimit({ ...failedLogins, now: o.now });
  app.addHook('onRoute', ({ method, url }) => {
    if (typeof method !== 'string' || !table.has(`${method} ${url}`))
      throw new TypeError(`${String(method)} ${url} is not in the table of routes`);
  });
  app.addHook('onRequest', async (request, reply) => {
    const foreign = foreignCaller(request.headers, o.allowedHosts);
    if (foreign !== undefined) throw new ApiError(403, foreign);
    const permission = table.get(`${request.method} ${request.routeOptions.url ?? ''}`);
    if (permission === 'anonymous') return;
    const token = bearerToken(request.headers.authorization);
    const role = token === undefined ? undefined : o.authorize(token);
    if (role === undefined) refuseLogin(limit.fail(request.ip), token, reply);
    // No permission: the route does not exist, which only those with a token are told.
    else if (permission !== undefined && !rolesWith[permission].includes(role))
      throw new ApiError(403, `role ${role} may not ${permission}`);
  });
  app.addHook('preValidation', async (request) => {
    if (request.method === 'POST' && request.headers['content-type'] === undefined)
      throw new ApiError(415, 'send the body as content-type: application/json');
  });
};

/**
 * A right token is let through whatever others on its address got wrong: at 256 bits it
 * cannot be guessed, and nobody without one may lock out those who have it.
 */
const refuseLogin = (waitMs: number, token: string | undefined, reply: FastifyReply): never => {
  reply.header('www-authenticate', 'Bearer');
  if (waitMs > 0) {
    reply.header('retry-after', Math.ceil(waitMs / 1000));
    throw new ApiError(429, 'too many failed log-ins from this address; try again later');
  }
  throw new ApiError(401, token === undefined ? 'a bearer token is needed' : 'the token is not valid');
};

const register = (app: FastifyInstance, route: Route, { plane, version, calls }: RouterOptions): void => {
  app.route({
    method: route.method,
    url: pattern(route),
    schema: {
      params: route.params,
      querystring: route.query,
      ...(route.body === undefined ? {} : { body: route.body }),
    },
    handler: (request, reply) =>
      calls.run(reply.raw, async (signal) => {
        const { params, query, body } = request;
        const accepts = (type: string): boolean => (request.headers.accept ?? '').includes(type);
        await send(reply, await route.handle({ params, query, body }, { plane, version, signal, accepts }));
      }),
  });
};

const send = async (reply: FastifyReply, answer: Answer): Promise<void> => {
  if (answer.kind === 'stream') {
    await streamAnswer(answer, () => {
      reply.hijack();
      return reply.raw;
    });
    return;
  }
  await reply.code(answer.status).header('cache-control', 'no-store').send(answer.body);
};

const sendFault = (reply: FastifyReply, error: unknown): FastifyReply => {
  const { status, body } = faultOf(error);
  return reply.code(status).header('cache-control', 'no-store').send(body);
};

const pattern = ({ path }: Route): string => path.replaceAll(/\{(\w+)\}/g, ':$1');
