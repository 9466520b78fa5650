import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureImages, freePort, mustRun, pebble, waitFor, type Pebble } from '@orca/tooling-testbed';
import { Orca, patienceMs } from './orca.ts';

const [good, bad, own] = ['good.acme.test', 'bad.acme.test', 'own.acme.test'];
const service = (name: string, domain: string, more = ''): string =>
  `[[service]]\nname = "${name}"\nimage = "orca-test/app:1"\ndomain = "${domain}"\nport = 8080\n${more}
[service.deploy]\nmin_healthy_secs = 1\n[service.liveness]\npath = "/"\ninitial_delay_secs = 0\n`;

interface Cert {
  readonly host: string;
  readonly state: string;
  readonly source: string;
  readonly serial?: string;
  readonly lastError?: { readonly type: string; readonly detail: string };
  readonly nextTryAt?: string;
}

describe('orca, from a domain to HTTPS', () => {
  let orca: Orca;
  let authority: Pebble;
  let httpsPort = 0;

  beforeAll(async () => {
    await ensureImages(['orca-test/app:1']);
    orca = await Orca.create('e2e-certificates');
    httpsPort = await freePort();
    authority = await pebble({ httpPort: orca.proxyPort, tlsPort: httpsPort });
    await authority.dnsCommand('/set-servfail', { host: `${bad}.` });
    orca.write('authority.pem', authority.ca);
    orca.write(
      'cluster.toml',
      `${orca.read('cluster.toml')}https_port = ${httpsPort}
[acme]
email = "ops@acme.test"
directory = "${authority.directory}"
ca_file = "authority.pem"
# Names of this test are known to its own DNS server alone, and nobody answers on port 80.
preflight = false
`,
    );
    orca.write('services/site/service.toml', service('e2e-good', good) + service('e2e-bad', bad));
    await orca.start();
  });
  afterAll(async () => {
    await orca.dispose();
    await authority[Symbol.asyncDispose]();
  });

  const certs = async (): Promise<readonly Cert[]> =>
    JSON.parse((await orca.orca(['certs', '--json'])).stdout) as readonly Cert[];
  const certOf = async (host: string): Promise<Cert | undefined> => (await certs()).find((one) => one.host === host);
  const shown = (host: string): Promise<X509Certificate> =>
    new Promise((done, fail) => {
      const socket = connect({ port: httpsPort, host: '127.0.0.1', servername: host, rejectUnauthorized: false });
      socket.once('error', fail);
      socket.once('secureConnect', () => {
        done(new X509Certificate(socket.getPeerCertificate().raw));
        socket.destroy();
      });
    });
  const fetched = (host: string, ca: string): Promise<{ readonly status: number; readonly body: string }> =>
    new Promise((done, fail) => {
      const target = { host: '127.0.0.1', port: httpsPort, path: '/?q=1', servername: host, ca, agent: false };
      const req = request({ ...target, headers: { host } }, (res) => {
        let body = '';
        res.on('data', (chunk: Buffer) => (body += chunk.toString()));
        res.on('end', () => done({ status: res.statusCode ?? 0, body }));
      });
      req.on('error', fail);
      req.end();
    });
  const asked = (agent: Agent, host: string): Promise<{ readonly status: number; readonly isReused: boolean }> =>
    new Promise((done, fail) => {
      const target = { host: '127.0.0.1', port: httpsPort, path: '/', servername: host, rejectUnauthorized: false };
      const req = request({ ...target, agent, headers: { host } }, (res) => {
        res.resume();
        res.on('end', () => done({ status: res.statusCode ?? 0, isReused: req.reusedSocket }));
      });
      req.on('error', fail);
      req.end();
    });
  const until = <T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> =>
    waitFor(probe, { what, timeoutMs: patienceMs, everyMs: 500 });

  it('A9: HTTPS is there at once, with a certificate that vouches for nothing; HTTP is not redirected to it', async () => {
    const deployed = await orca.orca(['deploy']);
    expect(deployed).toMatchObject({ code: 0 });
    const first = await until('a certificate for the name', async () => {
      const certificate = await shown(bad);
      return certificate.checkHost(bad) === bad && certificate;
    });
    expect(first.issuer).toBe(first.subject);
    expect((await orca.get(bad, '/')).status).toBe(200);
  });

  it('A5, A9: a certificate for the good domain; the bad one delays nobody, and its reason is the authority’s', async () => {
    await until('the certificate of the good domain', async () => (await certOf(good))?.state === 'valid');
    const root = await authority.root();
    const page = await until('HTTPS with it', () => fetched(good, root).catch(() => undefined));
    expect(page).toMatchObject({ status: 200, body: expect.stringContaining('version 1') });
    const failed = await until('the failure of the bad domain', async () => {
      const found = await certOf(bad);
      // Between two tries: the next one may come while this waits for the machine.
      const isResting = Date.parse(found?.nextTryAt ?? '') > Date.now() + 10_000;
      return found?.state === 'failed' && isResting && found;
    });
    expect(failed.lastError?.type).toMatch(/^(dns|connection|unauthorized)$/);
    expect(Date.parse(failed.nextTryAt ?? '')).toBeGreaterThan(Date.now());
    const table = await orca.orca(['certs']);
    expect(table.code).toBe(1);
    expect(table.stdout).toMatch(/good\.acme\.test\s+valid\s+Pebble Intermediate CA/);
    expect(table.stdout).toMatch(new RegExp(`${bad}\\s+failed[^]*${failed.lastError?.type}: .*next try in`));
  });

  it('A25: metrics tell how long each lives, and what failed', async () => {
    const { stdout: text } = await metrics(orca);
    expect(text).toMatch(new RegExp(`orca_certificate_expires_seconds\\{host="${good}",source="acme"\\} \\d{6,}`));
    expect(text).toContain(`orca_certificate_valid{host="${bad}"} 0`);
    expect(text).toMatch(/orca_certificate_failures_total\{type="\w+"\} [1-9]/);
    expect(text).toContain('orca_proxy_up 1\n');
    expect(text).toMatch(/orca_proxy_connections_accepted_total [1-9]/);
  });

  it('P67: HTTP is redirected once the certificate is good, with its query; where it is not, it is served', async () => {
    const redirect = await until('the redirect', async () => {
      const page = await orca.get(good, '/a?b=c');
      return page.status === 308 && page;
    });
    expect(redirect.headers['location']).toBe(`https://${good}:${httpsPort}/a?b=c`);
    expect((await orca.get(bad, '/')).status).toBe(200);
  });

  it('A1, A15: a restart shows the certificate at once, and asks for no other', async () => {
    const before = await certOf(good);
    await orca.end('SIGKILL');
    await orca.start();
    expect((await shown(good)).serialNumber.toLowerCase()).toBe(before?.serial);
    expect((await certOf(good))?.serial).toBe(before?.serial);
    expect(orca.output).not.toContain('certificate ordered');
  });

  it('A17, P62: renewed by request, and shown to the next client; connections that are open go on', async () => {
    const before = await certOf(good);
    using agent = new KeptAgent({ keepAlive: true, maxSockets: 1 });
    expect(await asked(agent, good)).toEqual({ status: 200, isReused: false });
    expect((await orca.orca(['certs', 'renew', good])).code).toBe(0);
    const after = await until('another certificate', async () => {
      const certificate = await shown(good);
      return certificate.serialNumber.toLowerCase() !== before?.serial && certificate;
    });
    expect((await certOf(good))?.serial).toBe(after.serialNumber.toLowerCase());
    expect(await asked(agent, good)).toEqual({ status: 200, isReused: true });
    expect((await orca.orca(['certs', 'renew', 'nobody.test'])).stderr).toContain('no service has the domain');
  });

  it('A23: revoked by request, and replaced', async () => {
    const before = await certOf(good);
    const revoked = await orca.orca(['certs', 'revoke', good]);
    expect(revoked).toMatchObject({ code: 0 });
    await until('another certificate', async () => (await shown(good)).serialNumber.toLowerCase() !== before?.serial);
    expect(await authority.said()).toContain('revoke');
  });

  it('A25: a certificate of one’s own wins, and is taken into use again when it is replaced', async () => {
    await write(orca, own);
    const tls = 'tls_cert = "own.pem"\ntls_key = "own.key"';
    orca.write('services/own/service.toml', service('e2e-own', own, tls));
    expect((await orca.orca(['deploy', 'e2e-own'])).code).toBe(0);
    const first = await until('the certificate of the file', async () => {
      const certificate = await shown(own);
      return certificate.subject === `CN=${own}` && certificate;
    });
    expect(await certOf(own)).toMatchObject({ source: 'file', state: 'valid' });
    await write(orca, own);
    await until('the replaced certificate', async () => (await shown(own)).serialNumber !== first.serialNumber);
    expect((await orca.orca(['certs', 'renew', own])).stderr).toContain('is a file of yours');
  });

  it('A18, A19: keys are their owner’s alone', () => {
    const dir = join(orca.home, 'certs');
    const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) expect(statSync(join(file.parentPath, file.name)).mode & 0o077).toBe(0);
    expect(readFileSync(join(orca.home, 'orca.log'), 'utf8')).not.toContain('PRIVATE KEY');
    // Wherever else a key is kept, such as with what the proxy serves by.
    for (const one of readdirSync(orca.home, { recursive: true, withFileTypes: true })) {
      const path = join(one.parentPath, one.name);
      if (one.isFile() && readFileSync(path, 'latin1').includes('PRIVATE KEY'))
        expect([path, statSync(path).mode & 0o077]).toEqual([path, 0]);
    }
  });
});

/** Its sockets end with the block. */
class KeptAgent extends Agent implements Disposable {
  [Symbol.dispose](): void {
    this.destroy();
  }
}

const write = async (orca: Orca, host: string): Promise<void> => {
  const names = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
  const files = ['-keyout', join(orca.root, 'own.key'), '-out', join(orca.root, 'own.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '90'];
  await mustRun('openssl', ['req', '-x509', ...key, ...names, ...files]);
};

const metrics = async (orca: Orca): Promise<{ readonly stdout: string }> => {
  const token = readFileSync(join(orca.home, 'cluster.token'), 'utf8').trim();
  const answer = await fetch(`http://127.0.0.1:${orca.apiPort}/api/v1/metrics`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { stdout: await answer.text() };
};
