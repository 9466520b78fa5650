// Runs by itself, in the network of an engine: ends with 0 when URL (argument 1) answers 200 to Host (argument 2).
import { request } from 'node:http';

const [url = '', host = ''] = process.argv.slice(2);
const req = request(url, { headers: { host }, agent: false, timeout: 2_000 }, (res) => {
  process.exit(res.statusCode === 200 ? 0 : 1);
});
req.on('timeout', () => req.destroy());
req.on('error', () => process.exit(1));
req.end();
