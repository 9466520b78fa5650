import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';
import { expect, test } from '@jest/globals';
import type { Route } from '@orca/proxy';
import { aProxy, closing, dial, httpOrigin, portOf, RawClient, route, target, type RunningProxy } from '../harness.ts';
import { root } from './issuer.ts';
import { aSecureProxy } from './tls-harness.ts';

const routes = async (): Promise<readonly Route[]> => {
  const origin = await httpOrigin((req, res) => res.end(`from ${String(req.headers['x-forwarded-for'])}`));
  return [route([target(portOf(origin))])];
};

const behindBalancer = async (): Promise<RunningProxy> =>
  aProxy(await routes(), { proxyProtocolFrom: ['127.0.0.0/8', '::1'], limits: { connectionsPerAddress: 2 } });

const request = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';
const signature = '\r\n\r\n\0\r\nQUIT\n';
const v4 = '\xcb\x00\x71\x07\x7f\x00\x00\x01\x10\x00\x00\x50';
const v6 = `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x07${'\0'.repeat(15)}\x01\x10\x00\x00\x50`;

test.each([
  ['version 1, IPv4', 'PROXY TCP4 203.0.113.7 127.0.0.1 4096 80\r\n', '203.0.113.7'],
  ['version 1, IPv6', 'PROXY TCP6 2001:db8::7 ::1 4096 80\r\n', '2001:db8::7'],
  ['version 1, an IPv4 address written as IPv6', 'PROXY TCP6 ::ffff:203.0.113.7 ::1 4096 80\r\n', '203.0.113.7'],
  ['version 1, unknown', 'PROXY UNKNOWN whatever it says\r\n', '127.0.0.1'],
  ['version 2, IPv4', `${signature}\x21\x11\x00\x0c${v4}`, '203.0.113.7'],
  ['version 2, IPv6', `${signature}\x21\x21\x00\x24${v6}`, '2001:db8::7'],
  ['version 2, with more fields', `${signature}\x21\x11\x00\x11${v4}\x04\x00\x02ab`, '203.0.113.7'],
  ['version 2, local', `${signature}\x20\x00\x00\x00`, '127.0.0.1'],
])('P66 takes the client from a balancer that says it in %s', async (_, header, address) => {
  const proxy = await behindBalancer();
  const whole = await dial(proxy.port);
  expect(await whole.send(header + request).until('from')).toMatch(new RegExp(`from ${address}$`));
  const dripping = await dial(proxy.port);
  for (const byte of header) {
    dripping.send(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await dripping.send(request).until('from')).toMatch(new RegExp(`from ${address}$`));
  // The connection goes on as any other.
  expect(await dripping.send(request).until(/from[^]*from/)).toMatch(new RegExp(`from ${address}$`));
});

test.each([
  ['no header', request],
  ['another family', 'PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n'],
  ['a lower-case word', 'proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n'],
  ['two spaces', 'PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n'],
  ['a bad address', 'PROXY TCP4 1.2.3.400 1.2.3.4 1 2\r\n'],
  ['an address of the other family', 'PROXY TCP4 ::1 ::1 1 2\r\n'],
  ['a bad port', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n'],
  ['a port with a zero in front', 'PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n'],
  ['something more', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n'],
  ['something missing', 'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n'],
  ['a line that never ends', `PROXY TCP4 ${'1'.repeat(200)}`],
  ['another version', `${signature}\x31\x11\x00\x0c${v4}`],
  ['another command', `${signature}\x22\x11\x00\x0c${v4}`],
  ['a family that is no TCP', `${signature}\x21\x12\x00\x0c${v4}`],
  ['too few bytes of addresses', `${signature}\x21\x11\x00\x04${v4}`],
  ['fields that do not add up', `${signature}\x21\x11\x00\x10${v4}\x04\x00\x09a`],
  ['a header too long', `${signature}\x21\x11\xff\xff${v4}`],
])('P66 closes on a balancer that says %s', async (_, header) => {
  const proxy = await behindBalancer();
  expect(await (await dial(proxy.port)).send(header + request).ended()).toBe('');
  expect(proxy.events).toEqual([expect.objectContaining({ kind: 'refused', peer: '127.0.0.1' })]);
});

test('P66 refuses a header from whoever is no balancer', async () => {
  const proxy = await aProxy(await routes(), { proxyProtocolFrom: ['10.0.0.0/8'] });
  const liar = await dial(proxy.port);
  expect(await liar.send(`PROXY TCP4 203.0.113.7 127.0.0.1 1 2\r\n${request}`).ended()).toMatch(/^HTTP\/1\.1 400 /);
  expect(await (await dial(proxy.port)).send(request).until('from')).toMatch(/from 127\.0\.0\.1$/);
});

test('P66 counts connections by the client behind the balancer', async () => {
  const proxy = await behindBalancer();
  const from = async (host: number): Promise<RawClient> =>
    (await dial(proxy.port)).send(`PROXY TCP4 203.0.113.${host} 127.0.0.1 1 2\r\n${request}`);
  for (const host of [1, 1, 2, 2, 3]) await (await from(host)).until('from');
  expect(await (await from(1)).ended()).toBe('');
  expect(proxy.events).toEqual([expect.objectContaining({ limit: 'address', address: '203.0.113.1' })]);
});

test('P66 works in front of TLS', async () => {
  const proxy = await aSecureProxy(await routes(), { https: { port: 0, proxyProtocolFrom: ['127.0.0.1'] } });
  const raw = connectPlain(proxy.httpsPort, '127.0.0.1');
  await once(raw, 'connect');
  raw.write('PROXY TCP4 203.0.113.7 127.0.0.1 4096 443\r\n');
  const socket = connect({ servername: 'app.test', ca: root.certPem, socket: raw });
  closing(() => void socket.destroy());
  await once(socket, 'secureConnect');
  expect(await new RawClient(socket).send(request).until('from')).toMatch(/from 203\.0\.113\.7$/);
});

test('P66 says which network it cannot read', () => {
  return expect(aProxy([], { proxyProtocolFrom: ['10.0.0.0/33'] })).rejects.toMatchObject({
    code: 'ORCA_PROXY_SETTINGS_INVALID',
    message: expect.stringContaining('10.0.0.0/33'),
  });
});
