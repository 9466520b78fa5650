import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, test } from '@jest/globals';
import { aProxy, bodyOf, closing, dial, exchange, route, statusOf, target, valuesOf } from '../harness.ts';

/** A server in a thread of its own, so that it closes connections at moments that nobody here has chosen. */
const inThread = async (code: string): Promise<number> => {
  const listen = `
    server.listen(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(server.address().port));`;
  const worker = new Worker(`const net = require('node:net');${code}${listen}`, { eval: true });
  closing(() => worker.terminate());
  const [port]: number[] = await once(worker, 'message');
  return port ?? 0;
};

const idleMs = 20;

/** It closes what is idle and gives no hint of it. */
const impatient = `
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('timeout', () => socket.destroy());
    socket.on('data', () => {
      socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok');
      socket.setTimeout(${idleMs});
    });
  });`;

test('P47 loses no GET to a target that closes idle connections just then', async () => {
  const proxy = await aProxy([route([target(await inThread(impatient), 'a')])]);
  let done = 0;
  const lane = async (nth: number): Promise<void> => {
    const client = await dial(proxy.port);
    // Until it has happened, which on a machine with other work may take longer.
    for (let i = 1; i <= 40 || proxy.events.length === 0; i += 1) {
      client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
      const response = await client.until(/\r\n\r\n(?:ok|[A-Z].*\n)$/);
      expect(statusOf(response)).toBe(200);
      client.received = '';
      done += 1;
      // About as long as the target waits, a little more or less each time.
      await sleep(idleMs - 2 + ((i + nth) % 5));
    }
  };
  await Promise.all(Array.from({ length: 12 }, (_, nth) => lane(nth)));
  expect(done).toBeGreaterThanOrEqual(480);
  expect(proxy.events.length).toBeGreaterThan(0);
  expect(proxy.events.every((event) => event.kind === 'target-failed' && event.retried)).toBe(true);
});

/** It answers as soon as it has seen a head, and closes without reading the rest: its kernel resets what comes after. */
const curt = `
  const text = 'x'.repeat(20000);
  const server = net.createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.pause();
      socket.write('HTTP/1.1 413 Too Large\\r\\nContent-Length: 20000\\r\\n\\r\\n' + text, () => socket.destroy());
    });
    socket.resume();
  });`;

test('P38 delivers the answer of a target that closes while the body is still coming', async () => {
  const proxy = await aProxy([route([target(await inThread(curt))])]);
  for (let i = 0; i < 20; i += 1) {
    const response = await exchange(
      proxy.port,
      'POST / HTTP/1.1\nHost: app.test\nContent-Length: 2000000',
      'y'.repeat(2_000_000),
    );
    expect(statusOf(response)).toBe(413);
    expect(bodyOf(response)).toHaveLength(20_000);
    expect(valuesOf(response, 'Connection')).toEqual(['close']);
  }
});
