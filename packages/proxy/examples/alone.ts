import { createServer } from 'node:http';
import { createProxy } from '@orca/proxy';

const [proxyPort = '8080', appPort = '8081'] = process.argv.slice(2);
createServer((req, res) => res.end(`hello, ${req.headers['x-forwarded-for']}\n`)).listen(Number(appPort), '127.0.0.1');

const proxy = createProxy({ port: Number(proxyPort), bind: '127.0.0.1' });
const app = { id: 'app-1', host: '127.0.0.1', port: Number(appPort) };
proxy.replace({ routes: [{ host: 'localhost', pathPrefix: '/', stripPrefix: false, targets: [app] }] });
await proxy.listen();
console.log(`try: curl http://localhost:${proxy.address.port}/`);
