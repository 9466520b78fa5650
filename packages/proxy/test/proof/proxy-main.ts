import { createProxy } from '@orca/proxy';
import { createSelfSigned } from '../../src/tls/self-signed.ts';

/** A proxy alone in a process, with plain and encrypted side, so that its load is its own. */
const targetPort = Number(process.argv[2]);
const proxy = createProxy({ port: 0, bind: '127.0.0.1', https: { port: 0 } });
const targets = [{ id: 'a', host: '127.0.0.1', port: targetPort }];
proxy.replace({
  routes: ['localhost', '127.0.0.1'].map((host) => ({ host, pathPrefix: '/', stripPrefix: false, targets })),
});
proxy.setCertificates([{ names: ['localhost'], ...createSelfSigned('localhost', Date.now()) }]);
await proxy.listen();
process.send?.({ port: proxy.address.port, httpsPort: proxy.httpsAddress?.port });
process.once('disconnect', () => process.exit());
