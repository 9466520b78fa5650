// A plain node:http server, and the same over HTTPS with a certificate that is obtained and renewed by itself.
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import * as acme from '@orca/acme';

const { HOST = 'www.example.com', DIR = 'certs', EMAIL = '', HTTP_PORT = '80', HTTPS_PORT = '443', CA } = process.env;
const directory = process.env['DIRECTORY'] ?? 'https://acme-staging-v02.api.letsencrypt.org/directory';

const http01 = acme.http01();
const store = acme.createFileStore({ dir: DIR, directory, now: Date.now });
const leaser = acme.createFileLeaser({ dir: join(DIR, 'leases') });
const transport = acme.createHttpsTransport(CA === undefined ? {} : { ca: CA });
const account = { email: EMAIL, termsAgreed: true, accounts: store, leaser };
const issuer = acme.createAcmeIssuer({ ...account, directory, transport, now: Date.now });
const manager = acme.createCertManager({
  store,
  leaser,
  issuer,
  solvers: [http01.solver],
  now: Date.now,
  allowLocal: CA !== undefined,
  onEvent: (event) => {
    if (event.type === 'issued') console.log(`issued by ${event.certificate.issuer}`);
    if (event.type === 'failed') console.log(`failed: ${event.failure.detail}`);
  },
});

const page: RequestListener = (req, res) => void res.end(http01.answer(req.url ?? '') ?? `hello from ${HOST}\n`);
createServer(page).listen(Number(HTTP_PORT));
const contextOf = (pair = manager.current(HOST)) =>
  pair && createSecureContext({ cert: pair.certPem, key: pair.keyPem });
createHttpsServer({ SNICallback: (_name, done) => done(null, contextOf()) }, page).listen(Number(HTTPS_PORT));

await manager.manage([HOST]);
await manager.run(new AbortController().signal);
