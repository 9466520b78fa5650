// One orca proxy in a process of its own, as the others are: what it serves comes in its first argument.
// It runs what is published: reading the sources would cost memory and a while that no user pays.
import { readFileSync } from 'node:fs';
import { createProxy } from '@orca/proxy';

const setup = JSON.parse(process.argv[2] ?? '');
const proxy = createProxy({
  port: setup.port,
  bind: '127.0.0.1',
  https: { port: setup.httpsPort, bind: '127.0.0.1' },
});
const targets = [{ id: 'origin', host: '127.0.0.1', port: setup.originPort }];
proxy.replace({ routes: [{ host: 'app.test', pathPrefix: '/', stripPrefix: false, targets }] });
proxy.setCertificates([
  {
    names: ['app.test', 'localhost'],
    certPem: readFileSync(setup.certPath, 'utf8'),
    keyPem: readFileSync(setup.keyPath, 'utf8'),
  },
]);
await proxy.listen();
process.on('SIGTERM', () => process.exit(0));
