import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import {
  createAcmeIssuer,
  createCertManager,
  createFileLeaser,
  createFileStore,
  createHttpsTransport,
  http01,
  selfCheck,
  tlsAlpn01,
  type CertManager,
  type Preflight,
  type Solver,
} from '@orca/acme';
import { createProxy } from '@orca/proxy';
import { freePort, pebble, tempDir, type Pebble } from '@orca/tooling-testbed';

const host = 'proven.acme.test';

/** A manager that proves names by one solver, in a directory of its own. */
const managerFor = (authority: Pebble, dir: string, solver: Solver, preflight?: Preflight): CertManager => {
  const { directory, ca } = authority;
  const now = Date.now;
  const store = createFileStore({ dir, directory, now });
  const leaser = createFileLeaser({ dir: join(dir, 'leases') });
  const account = { directory, email: '', termsAgreed: true, accounts: store, leaser };
  const issuer = createAcmeIssuer({ ...account, transport: createHttpsTransport({ ca }), now });
  const solvers = [solver];
  return createCertManager({
    store,
    leaser,
    issuer,
    solvers,
    now,
    allowLocal: true,
    ...(preflight === undefined ? {} : { preflight }),
  });
};

const settled = async (manager: CertManager): Promise<string> => {
  await manager.manage([host]);
  for (let i = 0; i < 4_800; i += 1) {
    await manager.tick(AbortSignal.timeout(240_000));
    const [state] = manager.state();
    if (state?.state === 'valid') return 'valid';
    if (state?.lastFailure !== undefined) return state.lastFailure.detail;
    await sleep(50);
  }
  return 'not settled';
};

/** Protocol that a handshake which offers only this one ends with; `undefined` when it is refused. */
const negotiated = (port: number, protocol: string): Promise<string | false | null | undefined> =>
  new Promise((resolve) => {
    const target = { port, host: '127.0.0.1', servername: host, rejectUnauthorized: false };
    const socket = connect({ ...target, ALPNProtocols: [protocol] });
    socket.once('error', () => resolve(undefined));
    socket.once('secureConnect', () => {
      resolve(socket.alpnProtocol);
      socket.destroy();
    });
  });

describe('challenges through the proxy', () => {
  it('A6, A7, A10, P64: http-01 and tls-alpn-01 are answered while they live, by what the proxy was told', async () => {
    const [httpPort, tlsPort] = [await freePort(), await freePort()];
    const proxy = createProxy({ port: httpPort, bind: '127.0.0.1', https: { port: tlsPort, bind: '127.0.0.1' } });
    await proxy.listen();
    await using dir = await tempDir();
    await using authority = await pebble({ httpPort, tlsPort });
    try {
      const answers = http01({ publish: (live) => proxy.setChallenges({ managedHosts: [host], answers: live }) });
      const preflight = selfCheck({
        http01: answers,
        transport: createHttpsTransport(),
        resolve: () => Promise.resolve(['127.0.0.1']),
        port: httpPort,
      });
      expect(await settled(managerFor(authority, join(dir.path, 'a'), answers.solver, preflight))).toBe('valid');

      const shown: (string | false | null | undefined)[] = [];
      const alpn = tlsAlpn01({ now: Date.now, publish: (live) => proxy.setChallengeCertificates(live) });
      const watched: Solver = {
        ...alpn.solver,
        present: async (challenge, signal) => {
          await alpn.solver.present(challenge, signal);
          shown.push(await negotiated(tlsPort, 'acme-tls/1'));
        },
      };
      expect(await settled(managerFor(authority, join(dir.path, 'b'), watched))).toBe('valid');
      expect(shown[0]).toBe('acme-tls/1');
      expect(await negotiated(tlsPort, 'acme-tls/1')).toBeUndefined();
      expect(await negotiated(tlsPort, 'http/1.1')).toBe('http/1.1');
    } finally {
      await proxy.close(0);
    }
  });
});
