import type { CertStatus, ClusterStatus, ControlPlane, DeployEvent, LogLine } from './contract.ts';
import { ApiError } from './errors.ts';
import { openCall, readJson, readLines, readText, type Call, type Endpoint } from './http-call.ts';

export { ApiError } from './errors.ts';

export interface ApiClientOptions {
  /** For example `http://127.0.0.1:6880`. */
  readonly url: string;
  readonly token: string;
  /** Where the token was read from, for the message when it is refused. */
  readonly tokenSource?: string;
}

/**
 * The control plane at the other end of HTTP. Loads nothing but node:http, so that a command
 * starts fast. Every failure is an `ApiError`, with status 0 when no answer came; an aborted
 * call throws the signal's reason.
 */
export const createApiClient = (options: ApiClientOptions): ControlPlane => {
  const endpoint: Endpoint = { ...options, url: parseUrl(options.url) };
  return {
    deploy: (request, signal) =>
      events(endpoint, signal, {
        path: '/api/v1/deploy',
        body: {
          ...listed(request.services),
          dry_run: request.dryRun,
          ...(request.recreate ? { recreate: true } : {}),
          allow_mass_removal: request.allowMassRemoval,
          ...(request.root === undefined ? {} : { root: request.root }),
        },
      }),
    stop: (request, signal) => events(endpoint, signal, { path: '/api/v1/stop', body: listed(request.services) }),
    async status(signal) {
      const answer = await readJson(endpoint, { path: '/api/v1/status' }, signal);
      if (!isStatus(answer)) throw notOrca(endpoint);
      return answer;
    },
    async *logs({ service, tail, follow, failed = false }, signal) {
      const path = `/api/v1/services/${encodeURIComponent(service)}/logs?tail=${tail}&follow=${follow}&failed=${failed}`;
      for await (const line of values(endpoint, { path }, signal)) if (isLogLine(line)) yield line;
    },
    async certs(signal) {
      const answer = await readJson(endpoint, { path: '/api/v1/certs' }, signal);
      if (!hasCerts(answer)) throw notOrca(endpoint);
      return answer.certs;
    },
    renewCert: async (host, signal) => void (await readJson(endpoint, certCall(host, 'renew'), signal)),
    revokeCert: async (host, signal) => void (await readJson(endpoint, certCall(host, 'revoke'), signal)),
    async metrics(signal) {
      const response = await openCall(endpoint, { path: '/api/v1/metrics', accept: 'text/plain' }, signal);
      return readText(endpoint, response, signal);
    },
  };
};

async function* events(endpoint: Endpoint, signal: AbortSignal, call: Call): AsyncIterable<DeployEvent> {
  for await (const event of values(endpoint, call, signal)) {
    // An event that only a newer server knows is passed over.
    if (!isDeployEvent(event)) continue;
    yield event;
    if (event.type === 'end') return;
  }
  throw new ApiError(0, `orca server at ${endpoint.url.origin} broke off before the end; see: orca status`);
}

async function* values(endpoint: Endpoint, call: Call, signal: AbortSignal): AsyncIterable<object> {
  const response = await openCall(endpoint, { ...call, accept: 'application/x-ndjson' }, signal);
  for await (const value of readLines(endpoint, response, signal)) {
    if (isFailure(value)) throw new ApiError(value.status, value.error);
    yield value;
  }
}

const certCall = (host: string, action: string): Call => ({
  path: `/api/v1/certs/${encodeURIComponent(host)}/${action}`,
  body: {},
});

const listed = (services: readonly string[] | 'all'): object => (services === 'all' ? {} : { services });

const parseUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:') throw new ApiError(0, `${text} is not an API address (such as http://127.0.0.1:6880)`);
  return url;
};

const notOrca = ({ url }: Endpoint): ApiError => new ApiError(0, `what answers at ${url.origin} is not an orca server`);

/*
 * Both ends are released together and the bearer token names one server, so a value is known
 * by its discriminating fields.
 */
const eventTypes: ReadonlySet<string> = new Set<DeployEvent['type']>(['issue', 'waiting', 'plan', 'step', 'end']);

const isDeployEvent = (value: object): value is DeployEvent =>
  'type' in value && typeof value.type === 'string' && eventTypes.has(value.type);

const isLogLine = (value: object): value is LogLine =>
  'text' in value && typeof value.text === 'string' && 'stream' in value;

const isStatus = (value: unknown): value is ClusterStatus =>
  typeof value === 'object' && value !== null && 'services' in value && Array.isArray(value.services);

const hasCerts = (value: unknown): value is { readonly certs: readonly CertStatus[] } =>
  typeof value === 'object' && value !== null && 'certs' in value && Array.isArray(value.certs);

const isFailure = (value: object): value is { readonly error: string; readonly status: number } =>
  'error' in value && typeof value.error === 'string' && 'status' in value && typeof value.status === 'number';
