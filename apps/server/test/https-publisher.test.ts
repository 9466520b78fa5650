import { createServer, createSecureContext, type Server } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { createSelfSignedCertificate, type Certificate } from '@orca/acme';
import { pino } from 'pino';
import { HttpsPublisher, type HttpsFront } from '../src/certificates/https-publisher.ts';
import type { Shown } from '../src/certificates/published.ts';

const now = Date.now();
const shown = async (host: string): Promise<Shown> => ({
  host,
  pair: await createSelfSignedCertificate(host, now),
  isReal: true,
});

/** A real HTTPS port that shows what it was given, or, while `isStuck`, what it had before. */
class Front implements HttpsFront {
  isStuck = false;
  puts = 0;
  httpsHosts: readonly string[] = [];
  handshakes = 0;
  #pairs = new Map<string, Pick<Certificate, 'certPem' | 'keyPem'>>();
  readonly #server: Server = createServer({
    SNICallback: (name, done) => {
      this.handshakes += 1;
      const pair = this.#pairs.get(name);
      done(null, pair && createSecureContext({ cert: pair.certPem, key: pair.keyPem }));
    },
  });

  async open(): Promise<this> {
    this.#server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }
  readonly address: HttpsFront['address'] = () => ({
    host: '127.0.0.1',
    port: (this.#server.address() as AddressInfo).port,
  });
  readonly setCertificates: HttpsFront['setCertificates'] = async (certificates) => {
    this.puts += 1;
    if (!this.isStuck)
      this.#pairs = new Map(certificates.flatMap((one) => one.names.map((name) => [name, one] as const)));
    return [];
  };
  readonly setHttpsHosts: HttpsFront['setHttpsHosts'] = async (hosts) => {
    this.httpsHosts = hosts;
  };
  readonly setAnswers: HttpsFront['setAnswers'] = async () => undefined;
  readonly setAlpnCertificates: HttpsFront['setAlpnCertificates'] = async () => undefined;
  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const publisherFor = (front: HttpsFront): HttpsPublisher =>
  new HttpsPublisher({ front, now: () => now, log: pino({ level: 'silent' }) });

describe('putting certificates in force', () => {
  it('P67: redirects after a handshake has shown the certificate, and looks at each swap once', async () => {
    await using front = await new Front().open();
    const publisher = publisherFor(front);
    const [a, b] = [await shown('a.test'), await shown('b.test')];
    await publisher.publish([a, { ...b, isReal: false }]);
    expect(front.httpsHosts).toEqual(['a.test']);
    await publisher.publish([a, { ...b, isReal: false }]);
    expect([front.puts, front.handshakes]).toEqual([1, 1]);
    await publisher.publish([a, b]);
    expect(front.httpsHosts).toEqual(['a.test', 'b.test']);
    expect([front.puts, front.handshakes]).toEqual([2, 2]);
  });

  it('A17: one that is not shown is put in force again, and not redirected to until it is', async () => {
    await using front = await new Front().open();
    const publisher = publisherFor(front);
    const [first, second] = [await shown('a.test'), await shown('a.test')];
    await publisher.publish([first]);
    front.isStuck = true;
    await publisher.publish([second]);
    expect(front.httpsHosts).toEqual([]);
    front.isStuck = false;
    await publisher.publish([second]);
    expect(front.httpsHosts).toEqual(['a.test']);
  });

  it('where nobody answers, not every host has to find that out', async () => {
    await using front = await new Front().open();
    front.isStuck = true;
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => shown(`h${i}.test`)));
    await publisherFor(front).publish(all);
    expect(front.httpsHosts).toEqual([]);
    expect(front.handshakes).toBeLessThanOrEqual(2);
  });
});
