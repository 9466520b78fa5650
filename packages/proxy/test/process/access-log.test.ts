import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { exchange, httpOrigin, portOf, route, statusOf, target } from '../harness.ts';
import { aPlace, eventually } from './a-place.ts';

const linesOf = (path: string): readonly string[] => textOf(path).split('\n').filter(Boolean);

/** Nothing where there is no file: it may be turned over at any moment. */
const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

test('P69 the processes write one access log between them, and go on in a new file when it is turned over', async () => {
  const origin = await httpOrigin((_, res) => void res.end('ok'));
  const place = aPlace();
  const path = join(place.dir, 'access.log');
  const proxy = await place.attach({
    config: {
      http: { host: '127.0.0.1', port: 0 },
      workers: 2,
      accessLog: { path, rotation: { maxBytes: 4_000, keep: 50 }, query: 'drop' },
    },
  });
  await proxy.replace({ table: { routes: [route([target(portOf(origin))], { service: 'web' })] } });
  const ask = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += 1) {
      const response = await exchange(proxy.address.port, `GET /page/${i}?secret=1 HTTP/1.1\nHost: app.test`);
      expect(statusOf(response)).toBe(200);
    }
  };
  const all = (): readonly string[] =>
    [path, ...Array.from({ length: 50 }, (_, age) => `${path}.${age + 1}`)].flatMap((file) => linesOf(file));
  await ask(30);
  await eventually(() => all().length === 30 && existsSync(`${path}.1`));
  await ask(30);
  await eventually(() => all().length === 60);
  const [first = '{}'] = all();
  expect(JSON.parse(first)).toMatchObject({ service: 'web', status: 200, client: '127.0.0.1' });
  expect(all().join('')).not.toContain('secret');
});
