import { afterEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import {
  ApiError,
  type CertStatus,
  type ClusterStatus,
  type ControlPlane,
  type DeployEvent,
  type DeployRequest,
} from '@orca/api';
import { createApiClient } from '@orca/api/client';
import { createApiServer, tokenAuthorizer, type ApiServer } from '@orca/api/server';
import { routes } from '../src/routes.ts';

const token = 'a'.repeat(64);
const status: ClusterStatus = {
  cluster: 'c',
  version: '1',
  root: '/infra',
  runtimeError: undefined,
  needsRestart: undefined,
  issues: [],
  services: [],
};
const end: DeployEvent = {
  type: 'end',
  outcome: 'converged',
  changed: [{ service: 'web', change: 'created' }],
  unchanged: [],
  failures: [],
  mutatingCalls: 3,
  ms: 5,
};

/** A control plane that keeps what it was asked, and tells what it is told to. */
class Plane implements ControlPlane {
  readonly asked: DeployRequest[] = [];
  aborted: Promise<void>;
  events: readonly DeployEvent[] = [end];
  #told: () => void = () => undefined;
  hangs = false;
  constructor() {
    this.aborted = new Promise((done) => {
      this.#told = done;
    });
  }
  async *deploy(asked: DeployRequest, signal: AbortSignal): AsyncIterable<DeployEvent> {
    this.asked.push(asked);
    signal.addEventListener('abort', () => this.#told());
    for (const event of this.events) yield event;
    if (this.hangs) await this.aborted;
  }
  async *stop(): AsyncIterable<DeployEvent> {
    yield end;
  }
  async status(): Promise<ClusterStatus> {
    return status;
  }
  async *logs(): AsyncIterable<{ stream: 'stdout'; text: string; slot: number }> {
    yield { stream: 'stdout', text: 'line ü', slot: 1 };
  }
  readonly certActions: string[] = [];
  async certs(): Promise<readonly CertStatus[]> {
    return [cert];
  }
  async renewCert(host: string): Promise<void> {
    this.certActions.push(`renew ${host}`);
  }
  async revokeCert(host: string): Promise<void> {
    if (host !== 'a.test') throw new ApiError(404, `no service has the domain ${host}`);
    this.certActions.push(`revoke ${host}`);
  }
  async metrics(): Promise<string> {
    return 'orca_up 1\n';
  }
}

const cert: CertStatus = {
  host: 'a.test',
  source: 'acme',
  state: 'valid',
  issuer: 'a CA',
  serial: '0a',
  notBefore: '2026-11-01T00:00:00.000Z',
  notAfter: '2027-01-01T00:00:00.000Z',
  daysLeft: 36,
  renewal: { at: '2026-12-10T00:00:00.000Z', why: 'the authority suggests it' },
  warning: undefined,
  lastError: undefined,
  failures: 0,
  nextTryAt: '2026-12-10T00:00:00.000Z',
  reason: undefined,
};

const servers: ApiServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
const serve = async (plane: ControlPlane = new Plane()): Promise<number> => {
  const server = createApiServer(plane, {
    authorize: tokenAuthorizer(createHash('sha256').update(token).digest()),
    version: '1.2.3',
  });
  servers.push(server);
  return (await server.listen({ host: '127.0.0.1', port: 0 })).port;
};
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}
const call = (
  port: number,
  method: string,
  path: string,
  o: { headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> =>
  new Promise((done, fail) => {
    const req = request({ host: '127.0.0.1', port, method, path, agent: false, headers: o.headers ?? {} }, (res) => {
      let body = '';
      res.on('data', (chunk: Buffer) => (body += chunk.toString()));
      res.on('end', () => done({ status: res.statusCode ?? 0, body, headers: res.headers }));
    });
    req.on('error', fail);
    req.end(o.body);
  });
const auth = { authorization: `Bearer ${token}` };
const json = { ...auth, 'content-type': 'application/json' };
const client = (port: number, t = token) => createApiClient({ url: `http://127.0.0.1:${port}`, token: t });
const all: DeployRequest = {
  services: 'all',
  recreate: false,
  dryRun: false,
  allowMassRemoval: false,
  root: undefined,
};
const never = new AbortController().signal;
const collect = async (events: AsyncIterable<DeployEvent>): Promise<DeployEvent[]> => {
  const got: DeployEvent[] = [];
  for await (const event of events) got.push(event);
  return got;
};

describe('the two ends together', () => {
  it('carry a request and its events unchanged', async () => {
    const plane = new Plane();
    const step = { id: 'web/1@a start', service: 'web', action: 'start', reason: 'ünïcode\n"quoted"' };
    plane.events = [{ type: 'step', step, state: 'done', ms: 1 }, end];
    const port = await serve(plane);
    const asked: DeployRequest = {
      services: ['web'],
      recreate: false,
      dryRun: true,
      allowMassRemoval: true,
      root: '/infra',
    };
    expect(await collect(client(port).deploy(asked, never))).toEqual(plane.events);
    expect(plane.asked).toEqual([asked]);
    expect(await client(port).status(never)).toEqual(JSON.parse(JSON.stringify(status)));
    for await (const line of client(port).logs({ service: 'web', tail: 5, follow: false }, never))
      expect(line.text).toBe('line ü');
  });

  it('hand an abort of the caller through to the plane', async () => {
    const plane = new Plane();
    plane.hangs = true;
    plane.events = [{ type: 'plan', steps: [], unchanged: [], blocked: [] }];
    const port = await serve(plane);
    const caller = new AbortController();
    const reading = (async () => {
      for await (const _ of client(port).deploy(all, caller.signal)) caller.abort();
    })();
    await expect(reading).rejects.toThrow();
    await plane.aborted;
  });

  it('take a stream that ends without its end for an error', async () => {
    const plane = new Plane();
    plane.events = [];
    const port = await serve(plane);
    await expect(collect(client(port).deploy(all, never))).rejects.toThrow(/broke off/);
  });

  it('say where the token is read from when it is wrong, and what to start when nobody answers', async () => {
    const port = await serve();
    const wrong = createApiClient({
      url: `http://127.0.0.1:${port}`,
      token: 'b'.repeat(64),
      tokenSource: '/home/x/cluster.token',
    });
    await expect(wrong.status(never)).rejects.toMatchObject({
      status: 401,
      message: expect.stringContaining('/home/x/cluster.token'),
    });
    await expect(createApiClient({ url: 'http://127.0.0.1:9', token }).status(never)).rejects.toMatchObject({
      status: 0,
      message: expect.stringContaining('orca server'),
    });
  });
});

describe('default deny', () => {
  it.each(routes.map((r) => [r.method, r.path, r.permission]))(
    '%s %s needs a token unless it is anonymous (%s)',
    async (method, path, permission) => {
      const port = await serve();
      const real = path.replace('{name}', 'web');
      const body = method === 'POST' ? { body: '{}', headers: { 'content-type': 'application/json' } } : {};
      expect((await call(port, method, real, body)).status).toBe(permission === 'anonymous' ? 200 : 401);
      const bad = { ...body, headers: { ...body.headers, authorization: `Bearer ${'b'.repeat(64)}` } };
      expect((await call(port, method, real, bad)).status).toBe(permission === 'anonymous' ? 200 : 401);
    },
  );

  it('tells a stranger nothing of which routes there are', async () => {
    const port = await serve();
    expect((await call(port, 'GET', '/api/v1/nothing')).status).toBe(401);
    expect((await call(port, 'GET', '/api/v1/nothing', { headers: auth })).status).toBe(404);
  });

  it('4: limits failed log-ins, and does not lock out who has the token', async () => {
    const port = await serve();
    const statuses: number[] = [];
    for (let i = 0; i < 12; i += 1)
      statuses.push((await call(port, 'GET', '/api/v1/status', { headers: { authorization: 'Bearer x' } })).status);
    expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 401));
    expect(statuses.slice(-1)).toEqual([429]);
    expect((await call(port, 'GET', '/api/v1/status', { headers: auth })).status).toBe(200);
  });

  it('6: refuses a foreign Host and a foreign Origin', async () => {
    const port = await serve();
    expect((await call(port, 'GET', '/api/v1/status', { headers: { ...auth, host: 'evil.test' } })).status).toBe(403);
    expect(
      (await call(port, 'GET', '/api/v1/status', { headers: { ...auth, origin: 'https://evil.test' } })).status,
    ).toBe(403);
    expect(
      (await call(port, 'GET', '/api/v1/status', { headers: { ...auth, host: `localhost:${port}` } })).status,
    ).toBe(200);
  });
});

describe('bad requests', () => {
  const deploy = async (body: string, headers: Record<string, string> = json): Promise<Answer> =>
    call(await serve(), 'POST', '/api/v1/deploy', { body, headers });

  it.each([
    ['no JSON', '{', 400],
    ['a field that does not exist', '{"service":["web"]}', 400],
    ['a wrong type', '{"services":"web"}', 400],
    ['an empty list', '{"services":[]}', 400],
    ['a name that is none', '{"services":["../x"]}', 400],
    ['a truth as text', '{"dry_run":"true"}', 400],
  ])('%s is refused with a JSON error', async (_, body, expected) => {
    const answer = await deploy(body);
    expect(answer.status).toBe(expected);
    expect(JSON.parse(answer.body)).toEqual({ error: expect.any(String) });
  });

  it('5: a body over 1 MiB, and one that is not JSON', async () => {
    expect((await deploy(JSON.stringify({ root: 'x'.repeat(1024 * 1024 + 10) }))).status).toBe(413);
    expect(
      (await deploy('services=web', { ...auth, 'content-type': 'application/x-www-form-urlencoded' })).status,
    ).toBe(415);
  });
});

describe('a deploy without a stream', () => {
  it('answers with a summary: 200 when all is well, 400 for a refused config, 500 when nothing was deployed', async () => {
    const plane = new Plane();
    const port = await serve(plane);
    const ask = (): Promise<Answer> => call(port, 'POST', '/api/v1/deploy', { body: '{}', headers: json });
    const well = await ask();
    expect(well.status).toBe(200);
    expect(JSON.parse(well.body)).toMatchObject({ deployed: ['web'], errors: [] });
    plane.events = [{ ...end, outcome: 'refused', changed: [], message: 'bad config' }];
    expect((await ask()).status).toBe(400);
    plane.events = [
      { ...end, outcome: 'failed', changed: [], failures: [{ service: 'web', reason: 'crash', logs: [] }] },
    ];
    expect((await ask()).status).toBe(500);
    plane.events = [{ ...end, outcome: 'failed', failures: [{ service: 'db', reason: 'crash', logs: [] }] }];
    expect((await ask()).status).toBe(206);
  });
});

describe('certificates', () => {
  it('are told, renewed and revoked by host; metrics are text', async () => {
    const plane = new Plane();
    const port = await serve(plane);
    const remote = client(port);
    const signal = AbortSignal.timeout(240_000);
    expect(await remote.certs(signal)).toEqual([cert]);
    await remote.renewCert('*.a.test', signal);
    await remote.revokeCert('a.test', signal);
    expect(plane.certActions).toEqual(['renew *.a.test', 'revoke a.test']);
    await expect(remote.revokeCert('b.test', signal)).rejects.toMatchObject({ status: 404 });
    expect(await remote.metrics(signal)).toBe('orca_up 1\n');
    const path = '/api/v1/certs/..%2F..%2Fetc/renew';
    expect((await call(port, 'POST', path, { body: '{}', headers: json })).status).toBe(400);
    expect((await call(port, 'GET', '/api/v1/certs', {})).status).toBe(401);
  });
});
