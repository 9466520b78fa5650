import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { H2cSession } from '../../src/h2c-client/h2c-session.ts';
import { closing } from '../harness.ts';

const idleMs = 50;

const aServer = async (): Promise<string> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};

test('P57 a connection to an h2c target is closed when it is idle, also after a request that took longer', async () => {
  const gone = Promise.withResolvers<void>();
  const session = new H2cSession({ authority: await aServer(), connectMs: 60_000, idleMs, onGone: gone.resolve });
  closing(() => session.destroy());
  session.enter();
  await new Promise<void>((resolve) => session.whenConnected(resolve));
  await sleep(5 * idleMs);
  expect(session.session.closed).toBe(false);
  session.leave(true);
  await gone.promise;
  expect(session.session.closed).toBe(true);
});

test('P70 a connection that is let go before it is there ends, and nothing else', async () => {
  const gone = Promise.withResolvers<void>();
  const session = new H2cSession({ authority: await aServer(), connectMs: 60_000, onGone: gone.resolve });
  // Heard before ours: what else may happen in the same moment.
  session.session.prependOnceListener('connect', () => session.destroy());
  await gone.promise;
  expect(session.hasRoom).toBe(false);
});
