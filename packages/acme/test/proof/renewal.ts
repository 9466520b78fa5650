import { X509Certificate } from 'node:crypto';
import { connect, createSecureContext, createServer, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { managed, patienceMs, rig } from '../rig.ts';
import { holds, type ProofLine } from './line.ts';

const host = 'renewed.acme.test';

interface Seen {
  handshakes: number;
  expired: number;
  refused: number;
  readonly serials: Set<string>;
}

/** A handshake as a strict client makes it: by name, and by the authority's root. */
const visit = async (port: number, ca: string, seen: Seen): Promise<void> => {
  seen.handshakes += 1;
  const socket = connect({ port, host: '127.0.0.1', servername: host, ca });
  try {
    await once(socket, 'secureConnect');
    const certificate = new X509Certificate(socket.getPeerCertificate(true).raw);
    seen.serials.add(certificate.serialNumber);
    if (Date.parse(certificate.validTo) <= Date.now()) seen.expired += 1;
  } catch {
    seen.refused += 1;
  } finally {
    socket.destroy();
  }
};

/** One connection that is open all the time, and asks something again and again. */
const keepTalking = async (socket: TLSSocket, signal: AbortSignal): Promise<number> => {
  let answered = 0;
  socket.setEncoding('utf8').on('data', (text: string) => (answered += text.length));
  let asked = 0;
  while (!signal.aborted) {
    socket.write('x');
    asked += 1;
    await sleep(100);
  }
  const deadline = performance.now() + patienceMs;
  while (answered < asked && !socket.destroyed && performance.now() < deadline) await sleep(50);
  holds(!socket.destroyed, 'the connection was dropped');
  holds(answered === asked, `${asked - answered} of ${asked} answers did not come`);
  return answered;
};

const renewal: ProofLine = {
  name: 'A11, A12, A17: renewal of a certificate that lives for two minutes',
  run: async (short) => {
    // It is renewed when half of it is left: that is what a busy machine has for a second's work.
    const [validitySeconds, wanted] = short ? [40, 2] : [120, 5];
    await using on = await rig({ validitySeconds });
    const ca = await on.pebble.root();
    const { manager, events, settle } = managed(on);
    await manager.manage([host]);
    await settle((all) => all.every(({ state }) => state === 'valid'));
    const server = createServer({
      SNICallback: (_name, done) => {
        const current = manager.current(host);
        if (current === undefined) return done(new Error('no certificate'));
        return done(null, createSecureContext({ cert: current.certPem, key: current.keyPem }));
      },
    });
    server.on('secureConnection', (socket) => socket.on('error', () => {}).pipe(socket));
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const long = connect({ port, host: '127.0.0.1', servername: host, ca });
    await once(long, 'secureConnect');
    const seen: Seen = { handshakes: 0, expired: 0, refused: 0, serials: new Set() };
    const ending = new AbortController();
    const running = manager.run(ending.signal);
    const talking = keepTalking(long, ending.signal);
    const renewalsNow = (): number => events.filter((event) => event.type === 'issued' && event.isRenewal).length;
    const startedAt = performance.now();
    const passed = (): number => performance.now() - startedAt;
    while (renewalsNow() < wanted && passed() < 2 * wanted * validitySeconds * 1000) {
      await visit(port, ca, seen);
      await sleep(50);
    }
    const [renewals, ms] = [renewalsNow(), passed()];
    await visit(port, ca, seen);
    ending.abort();
    const answered = await talking;
    await running;
    long.destroy();
    server.close();
    holds(renewals >= wanted, `only ${renewals} renewals`);
    holds(seen.expired === 0, `${seen.expired} handshakes with an expired certificate`);
    holds(seen.refused === 0, `${seen.refused} handshakes refused`);
    holds(seen.serials.size === renewals + 1, `${seen.serials.size} certificates seen after ${renewals} renewals`);
    return (
      `${validitySeconds} s of life: ${renewals} renewals in ${Math.round(ms / 1000)} s, ${seen.handshakes} handshakes with ` +
      `${seen.serials.size} certificates, 0 expired, 0 refused, ${answered} answers on one connection, 0 lost`
    );
  },
};

export const renewalLines: readonly ProofLine[] = [renewal];
