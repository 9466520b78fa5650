// Gets one certificate and ends with 0: the process that the proof kills.
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createAcmeIssuer,
  createCertManager,
  createFileLeaser,
  createFileStore,
  createHttpsTransport,
  http01,
} from '../../src/index.ts';

const [directory = '', dir = '', port = ''] = process.argv.slice(2);
const answers = http01();
const web = createServer((req, res) => {
  const text = answers.answer(req.url ?? '');
  res.writeHead(text === undefined ? 404 : 200).end(text);
}).listen(Number(port), '127.0.0.1');
const store = createFileStore({ dir, directory, now: Date.now });
const leaser = createFileLeaser({ dir: join(dir, 'leases') });
const issuer = createAcmeIssuer({
  directory,
  email: 'ops@acme.test',
  termsAgreed: true,
  accounts: store,
  leaser,
  transport: createHttpsTransport({ ca: process.env['ORCA_PROOF_CA'] ?? '' }),
  now: Date.now,
});
const manager = createCertManager({
  store,
  leaser,
  issuer,
  solvers: [answers.solver],
  now: Date.now,
  allowLocal: true,
});
await manager.manage(['kept.acme.test']);
for (let i = 0; i < 2_400 && manager.current('kept.acme.test') === undefined; i += 1) {
  await manager.tick(AbortSignal.timeout(240_000));
  await sleep(100);
}
web.close();
process.exitCode = manager.current('kept.acme.test') === undefined ? 1 : 0;
