import { setImmediate } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { RequestBody } from '../src/request-body.ts';
import { dial, httpOrigin, portOf } from './harness.ts';

const hooks = { onFirstRead: () => undefined, most: Infinity, onOverflow: () => undefined };

test('P6 a body that nobody wants any more half-way is read to its end, and the connection is good for the next request', async () => {
  const server = await httpOrigin(async (req, res) => {
    const body = new RequestBody(req, hooks);
    body.read();
    // More than it holds ahead of its reader: the client is held back.
    while (!body.isHeldBack) await setImmediate();
    body.destroy();
    req.once('end', () => res.end(`over ${req.url}`));
  });
  const client = await dial(portOf(server));
  for (const path of ['/a', '/b']) {
    client.send(`POST ${path} HTTP/1.1\r\nHost: app.test\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`);
    expect(await client.until(`over ${path}`)).toMatch(/^HTTP\/1\.1 200/);
  }
});

test('a body that was not begun leaves the request alone', async () => {
  const server = await httpOrigin((req, res) => {
    new RequestBody(req, hooks).destroy();
    res.end(String(req.isPaused() || req.readableFlowing === true));
  });
  const client = await dial(portOf(server));
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\n');
  expect(await client.until('false')).toMatch(/^HTTP\/1\.1 200/);
});
