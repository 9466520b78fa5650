import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Target } from '@orca/proxy';
import { aProxy, bodyOf, closing, dial, exchange, rawOrigin, route, statusOf, target, valuesOf } from './harness.ts';

const ask = 'GET / HTTP/1.1\nHost: app.test';

test.each<[string, Target]>([
  ['refuses', target(1)],
  ['has a name that nobody knows', { id: 'x', host: 'nobody.invalid', port: 80 }],
])('P46 answers 502 when the target %s, and says nothing of it', async (_, to) => {
  const proxy = await aProxy([route([to])]);
  const response = await exchange(proxy.port, ask);
  expect([statusOf(response), bodyOf(response)]).toEqual([502, 'The service did not answer properly\n']);
  expect(response).not.toMatch(/orca|127\.0\.0|invalid|E[A-Z]{5}/);
});

test('P46 answers 502 when the target closes or resets before it answers', async () => {
  for (const end of ['destroy', 'resetAndDestroy'] as const) {
    const origin = await rawOrigin((socket) => socket[end]());
    const proxy = await aProxy([route([target(origin.port)])]);
    expect(statusOf(await exchange(proxy.port, ask))).toBe(502);
  }
});

test('P46 answers 502 when the target takes no connection in time', async () => {
  const child = fork(join(import.meta.dirname, 'fixtures/listener-process.ts'), {
    execArgv: ['--conditions=@orca/source'],
  });
  closing(() => void child.kill('SIGKILL'));
  const [{ port }] = await once(child, 'message');
  child.kill('SIGSTOP');
  // The kernel completes as many handshakes as there is room for in the queue that nobody empties.
  for (let i = 0; i < 8; i += 1) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    closing(() => void socket.destroy());
  }
  const proxy = await aProxy([route([target(port)])], { timeouts: { connectMs: 300 } });
  expect(statusOf(await exchange(proxy.port, ask))).toBe(502);
  expect(proxy.events).toContainEqual(expect.objectContaining({ kind: 'target-failed', failure: 'connect' }));
});

test('P46 answers 504 when the head of a response does not come in time', async () => {
  const origin = await rawOrigin(() => {});
  const proxy = await aProxy([route([target(origin.port)])], { timeouts: { responseHeadersMs: 100 } });
  expect(statusOf(await exchange(proxy.port, ask))).toBe(504);
});

test('P46 breaks off when a body stops coming', async () => {
  const origin = await rawOrigin((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello'));
  const proxy = await aProxy([route([target(origin.port)])], { timeouts: { responseIdleMs: 100 } });
  const client = await dial(proxy.port);
  expect(bodyOf(await client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n').ended())).toBe('hello');
  expect(client.socket.readableEnded || client.error !== undefined).toBe(true);
});

test('P46 gives a HEAD the head of the error that a GET gets', async () => {
  const proxy = await aProxy([route([target(1)])]);
  const [get, head] = [await exchange(proxy.port, ask), await exchange(proxy.port, ask.replace('GET', 'HEAD'))];
  expect([statusOf(head), bodyOf(head)]).toEqual([502, '']);
  expect(valuesOf(head, 'Content-Length')).toEqual(valuesOf(get, 'Content-Length'));
});
