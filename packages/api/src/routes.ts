import { Type, type Static, type TObject } from 'typebox';
import type { ControlPlane, DeployEvent, LogLine } from './contract.ts';
import { summarise } from './deploy-summary.ts';
import type { Role } from './token.ts';

/** What a route asks of its caller. */
export type Permission = 'anonymous' | 'view' | 'operate';

/** Who has which permission; a permission that is not here is nobody's. */
export const rolesWith: Readonly<Record<Exclude<Permission, 'anonymous'>, readonly Role[]>> = {
  view: ['admin'],
  operate: ['admin'],
};

export interface RouteContext {
  readonly plane: ControlPlane;
  readonly version: string;
  /** Aborts when the caller goes away or the server closes. */
  readonly signal: AbortSignal;
  /** Whether the caller asked for this media type by name. */
  readonly accepts: (mediaType: string) => boolean;
}

/** What a route answers with: one JSON body, or text that comes as it is made. */
export type Answer =
  | { readonly kind: 'json'; readonly status: number; readonly body: object }
  | { readonly kind: 'stream'; readonly format: 'ndjson' | 'text'; readonly chunks: AsyncIterable<string> };

interface Call {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Parameters stand in braces. */
  readonly path: string;
  readonly permission: Permission;
  readonly params: TObject;
  readonly query: TObject;
  /** `undefined` for a method without a body. */
  readonly body: TObject | undefined;
  /** A method, so that a route may name what its schemas let through: nothing else reaches it. */
  handle(call: Call, context: RouteContext): Promise<Answer> | Answer;
}

const ndjson = 'application/x-ndjson';
const strict = { additionalProperties: false };
const nothing = Type.Object({}, strict);
const serviceName = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' });
const flag = Type.Union([Type.Literal(''), Type.Literal('true'), Type.Literal('false')]);
/** An empty list is refused: read as "all" it would be a dangerous surprise, read as "none" a useless one. */
const services = Type.Optional(Type.Array(serviceName, { minItems: 1, maxItems: 1000 }));

const deployBody = Type.Object(
  {
    services,
    dry_run: Type.Optional(Type.Boolean()),
    recreate: Type.Optional(Type.Boolean()),
    allow_mass_removal: Type.Optional(Type.Boolean()),
    root: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
  },
  strict,
);
const stopBody = Type.Object({ services }, strict);
const statusQuery = Type.Object({ project: Type.Optional(Type.String({ maxLength: 200 })) }, strict);
const logsParams = Type.Object({ name: serviceName }, strict);
const certParams = Type.Object({ host: Type.String({ pattern: '^(\\*\\.)?[a-z0-9.-]{1,253}$' }) }, strict);
const logsQuery = Type.Object(
  {
    tail: Type.Optional(Type.String({ pattern: '^[0-9]{1,6}$' })),
    follow: Type.Optional(flag),
    failed: Type.Optional(flag),
  },
  strict,
);

const health: Route = {
  method: 'GET',
  path: '/api/v1/health',
  permission: 'anonymous',
  params: nothing,
  query: nothing,
  body: undefined,
  handle: (_call, { version }) => ({ kind: 'json', status: 200, body: { status: 'ok', version } }),
};

const deploy: Route = {
  method: 'POST',
  path: '/api/v1/deploy',
  permission: 'operate',
  params: nothing,
  query: nothing,
  body: deployBody,
  handle({ body }: Call & { readonly body: Static<typeof deployBody> }, context) {
    const request = {
      services: body.services ?? ('all' as const),
      dryRun: body.dry_run ?? false,
      recreate: body.recreate ?? false,
      allowMassRemoval: body.allow_mass_removal ?? false,
      root: body.root,
    };
    return answerEvents(context.plane.deploy(request, context.signal), context);
  },
};

const stop: Route = {
  method: 'POST',
  path: '/api/v1/stop',
  permission: 'operate',
  params: nothing,
  query: nothing,
  body: stopBody,
  handle({ body }: Call & { readonly body: Static<typeof stopBody> }, context) {
    return answerEvents(context.plane.stop({ services: body.services ?? 'all' }, context.signal), context);
  },
};

const status: Route = {
  method: 'GET',
  path: '/api/v1/status',
  permission: 'view',
  params: nothing,
  query: statusQuery,
  body: undefined,
  async handle({ query }: Call & { readonly query: Static<typeof statusQuery> }, { plane, signal }) {
    const all = await plane.status(signal);
    const shown = all.services.filter(({ project }) => query.project === undefined || project === query.project);
    return { kind: 'json', status: 200, body: { ...all, services: shown } };
  },
};

const logs: Route = {
  method: 'GET',
  path: '/api/v1/services/{name}/logs',
  permission: 'view',
  params: logsParams,
  query: logsQuery,
  body: undefined,
  handle(
    call: Call & { readonly params: Static<typeof logsParams>; readonly query: Static<typeof logsQuery> },
    { plane, signal, accepts },
  ) {
    const request = {
      service: call.params.name,
      tail: Number(call.query.tail ?? 100),
      follow: call.query.follow !== undefined && call.query.follow !== 'false',
      failed: call.query.failed !== undefined && call.query.failed !== 'false',
    };
    const lines = plane.logs(request, signal);
    return accepts(ndjson)
      ? { kind: 'stream', format: 'ndjson', chunks: map(lines, jsonLine) }
      : { kind: 'stream', format: 'text', chunks: map(lines, ({ text }: LogLine) => `${text}\n`) };
  },
};

const certs: Route = {
  method: 'GET',
  path: '/api/v1/certs',
  permission: 'view',
  params: nothing,
  query: nothing,
  body: undefined,
  async handle(_call, { plane, signal }) {
    return { kind: 'json', status: 200, body: { certs: await plane.certs(signal) } };
  },
};

const certAction = (action: 'renew' | 'revoke'): Route => ({
  method: 'POST',
  path: `/api/v1/certs/{host}/${action}`,
  permission: 'operate',
  params: certParams,
  query: nothing,
  body: nothing,
  async handle({ params }: Call & { readonly params: Static<typeof certParams> }, { plane, signal }) {
    await (action === 'renew' ? plane.renewCert(params.host, signal) : plane.revokeCert(params.host, signal));
    return { kind: 'json', status: 202, body: { host: params.host, accepted: action } };
  },
});

const metrics: Route = {
  method: 'GET',
  path: '/api/v1/metrics',
  permission: 'view',
  params: nothing,
  query: nothing,
  body: undefined,
  handle: (_call, { plane, signal }) => ({ kind: 'stream', format: 'text', chunks: once(plane.metrics(signal)) }),
};

/** Every route there is; the router refuses to register another. */
export const routes: readonly Route[] = [
  health,
  deploy,
  stop,
  status,
  logs,
  certs,
  certAction('renew'),
  certAction('revoke'),
  metrics,
];

const answerEvents = async (events: AsyncIterable<DeployEvent>, { accepts }: RouteContext): Promise<Answer> => {
  if (accepts(ndjson)) return { kind: 'stream', format: 'ndjson', chunks: map(events, jsonLine) };
  const { status: code, summary } = await summarise(events);
  return { kind: 'json', status: code, body: summary };
};

const jsonLine = (value: object): string => `${JSON.stringify(value)}\n`;

async function* once(text: Promise<string>): AsyncIterable<string> {
  yield await text;
}

async function* map<T>(items: AsyncIterable<T>, each: (item: T) => string): AsyncIterable<string> {
  for await (const item of items) yield each(item);
}
