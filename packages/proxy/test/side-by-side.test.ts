import { once } from 'node:events';
import { get, IncomingMessage } from 'node:http';
import { expect, test } from '@jest/globals';
import { aProxy, httpOrigin, portOf, route, target } from './harness.ts';

/** More than the kernel takes for a client that does not read. */
const bytes = 12 * 1024 ** 2;

/** Another one for every path, and at every place of what is read at once: the period is a prime number. */
const contentOf = (path: string): Buffer =>
  Buffer.alloc(
    bytes,
    Buffer.from(Array.from({ length: 65_521 }, (_, i) => (i >> 8) ^ (i * 7) ^ (Number(path.slice(1)) * 29))),
  );

const ask = async (port: number, path: string): Promise<IncomingMessage> => {
  const [response]: unknown[] = await once(get({ port, path, headers: { host: 'app.test' } }), 'response');
  if (!(response instanceof IncomingMessage)) throw new Error('no response');
  return response;
};

const isWhole = async (response: IncomingMessage, path: string): Promise<boolean> => {
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(response, 'end');
  return Buffer.concat(chunks).equals(contentOf(path));
};

test('P35 keeps responses apart whose readers are stalled while others read', async () => {
  const origin = await httpOrigin((req, res) => void res.end(contentOf(req.url ?? '')));
  const proxy = await aProxy([route([target(portOf(origin))])]);
  const paths = ['/1', '/2', '/3'];
  const stalled = await Promise.all(paths.map((path) => ask(proxy.port, path)));
  // One that leaves half-way, whose bytes are still on their way.
  const leaving = await ask(proxy.port, '/4');
  for (const path of ['/5', '/6']) {
    expect(await isWhole(await ask(proxy.port, path), path)).toBe(true);
    leaving.destroy();
  }
  const whole = await Promise.all(stalled.map((response, i) => isWhole(response, paths[i] ?? '')));
  expect(whole).toEqual([true, true, true]);
});
