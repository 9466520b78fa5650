import { createServer as createHttp } from 'node:http';
import type { Server } from 'node:net';
import { createServer as createTls, createSecureContext } from 'node:tls';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, pebble, tempDir, type Pebble, type PebbleOptions, type TempDir } from '@orca/tooling-testbed';
import {
  createAcmeIssuer,
  createCertManager,
  createFileLeaser,
  createFileStore,
  createHttpsTransport,
  http01,
  tlsAlpn01,
  type AcmeEvent,
  type AcmeIssuerOptions,
  type CertManager,
  type CertManagerOptions,
  type HostState,
  type Http01,
  type TlsAlpn01,
  type Transport,
} from '../src/index.ts';

/** For what takes seconds: a machine that is busy may take ten times as long, and only what never comes should fail. */
export const patienceMs = 240_000;

/** An authority, and what it comes to when it validates. */
export interface Rig extends AsyncDisposable {
  readonly pebble: Pebble;
  readonly dir: TempDir;
  readonly answers: Http01;
  readonly alpn: TlsAlpn01;
  readonly httpPort: number;
  readonly tlsPort: number;
}

export interface RigOptions extends Omit<PebbleOptions, 'httpPort' | 'tlsPort'> {
  /** Whether port 80 of every name is answered here; otherwise another process does. Default true. */
  readonly serveHttp?: boolean;
}

export async function rig({ serveHttp = true, ...options }: RigOptions = {}): Promise<Rig> {
  const [httpPort, tlsPort] = [await freePort(), await freePort()];
  const ca = await pebble({ ...options, httpPort, tlsPort });
  const dir = await tempDir('orca-acme-');
  const answers = http01();
  const alpn = tlsAlpn01({ now: Date.now });
  const web = createHttp((req, res) => {
    const text = answers.answer(req.url ?? '');
    res.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain' }).end(text ?? 'nothing here');
  });
  const tls = createTls({
    ALPNProtocols: ['acme-tls/1'],
    SNICallback: (name, done) => {
      const found = alpn.certificates().find((one) => one.name === name);
      if (found === undefined) return done(new Error('no challenge'));
      return done(null, createSecureContext({ cert: found.certPem, key: found.keyPem }));
    },
  });
  tls.on('tlsClientError', () => {});
  await Promise.all([serveHttp ? listen(web, httpPort) : undefined, listen(tls, tlsPort)]);
  return {
    pebble: ca,
    dir,
    answers,
    alpn,
    httpPort,
    tlsPort,
    async [Symbol.asyncDispose]() {
      await Promise.all([close(web), close(tls)]);
      await ca[Symbol.asyncDispose]();
      await dir.remove();
    },
  };
}

export interface Managed {
  readonly manager: CertManager;
  readonly events: AcmeEvent[];
  /** Ticks until nothing is due within the next moments, or the deadline. */
  readonly settle: (until: (states: readonly HostState[]) => boolean) => Promise<readonly HostState[]>;
  readonly transport: Transport;
}

export interface ManagedOptions {
  readonly directory?: string;
  readonly issuer?: Partial<AcmeIssuerOptions>;
  readonly manager?: Partial<CertManagerOptions>;
  readonly dir?: string;
  readonly transport?: Transport;
}

/** A manager as a program would make one, on the rig's authority or a proxy before it. */
export function managed(on: Rig, o: ManagedOptions = {}): Managed {
  const directory = o.directory ?? on.pebble.directory;
  const dir = o.dir ?? join(on.dir.path, 'certs');
  const now = o.manager?.now ?? Date.now;
  const transport = o.transport ?? createHttpsTransport({ ca: on.pebble.ca, timeoutMs: 60_000 });
  const store = createFileStore({ dir, directory, now });
  const leaser = createFileLeaser({ dir: join(dir, 'leases') });
  const issuer = createAcmeIssuer({
    directory,
    email: 'ops@acme.test',
    termsAgreed: true,
    accounts: store,
    leaser,
    transport,
    now,
    ...o.issuer,
  });
  const events: AcmeEvent[] = [];
  const manager = createCertManager({
    store,
    leaser,
    issuer,
    solvers: [on.answers.solver],
    now,
    // Its names end in .test.
    allowLocal: true,
    ...o.manager,
    onEvent: (event) => {
      events.push(event);
      o.manager?.onEvent?.(event);
    },
  });
  return {
    manager,
    events,
    transport,
    settle: async (until) => {
      const deadline = Date.now() + patienceMs;
      for (;;) {
        await manager.tick(AbortSignal.timeout(patienceMs));
        const states = manager.state();
        if (until(states)) return states;
        if (Date.now() > deadline) throw new Error(`not settled: ${JSON.stringify(states, undefined, 1)}`);
        await sleep(50);
      }
    },
  };
}

export const allValid = (states: readonly HostState[]): boolean => states.every(({ state }) => state === 'valid');
export const anyFailed = (states: readonly HostState[]): boolean => states.some(({ failures }) => failures > 0);

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
