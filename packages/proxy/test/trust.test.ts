import { expect, test } from '@jest/globals';
import { createProxy, type ProxyOptions } from '@orca/proxy';
import { clientKey, plainAddress } from '../src/address.ts';
import { clientBehind, compileTrust } from '../src/trust.ts';
import {
  aProxy,
  bodyOf,
  dial,
  exchange,
  forwarded,
  httpOrigin,
  portOf,
  route,
  statusOf,
  target,
  valuesOf,
} from './harness.ts';

const trusting: Partial<ProxyOptions> = { trustedProxies: ['127.0.0.0/8'] };
const values = (seen: string, ...names: readonly string[]): readonly (readonly string[])[] =>
  names.map((name) => valuesOf(seen, name));

test('P29 appends to what a trusted peer says about its origin, and keeps the rest of it', async () => {
  const seen = await forwarded(
    'X-Forwarded-For: 203.0.113.9\nX-Forwarded-For: 198.51.100.7\nX-Forwarded-Proto: https\nX-Forwarded-Host: shop.test\nX-Forwarded-Port: 8443\nX-Forwarded-Prefix: /shop\nX-Real-IP: 1.1.1.1',
    trusting,
  );
  expect(
    values(seen, 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Prefix'),
  ).toEqual([['203.0.113.9, 198.51.100.7, 127.0.0.1'], ['https'], ['shop.test'], ['8443'], ['/shop']]);
  expect(seen).not.toContain('1.1.1.1');
});

test('P29 trusts nobody unless told to, and not a peer outside the networks', async () => {
  for (const options of [{}, { trustedProxies: ['10.0.0.0/8', 'fd00::/8'] }]) {
    const seen = await forwarded('X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: https', options);
    expect(values(seen, 'X-Forwarded-For', 'X-Forwarded-Proto')).toEqual([['127.0.0.1'], ['http']]);
  }
});

test.each(['wss', 'https, http', 'gopher', ''])('P28 makes nothing of X-Forwarded-Proto %p', async (proto) => {
  const seen = await forwarded(`X-Forwarded-Proto: ${proto}\nX-Forwarded-Host: a b\nX-Forwarded-Port: x`, trusting);
  expect(values(seen, 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port')).toEqual([
    ['http'],
    ['app.test:8080'],
    ['8080'],
  ]);
});

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['6.6.6.6, 203.0.113.9', '203.0.113.9'],
  ['6.6.6.6, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
  ['10.0.0.3, 10.0.0.2', '10.0.0.3'],
  ['203.0.113.9:1234, 10.0.0.2', '203.0.113.9'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['203.0.113.9, unknown, 10.0.0.2', '10.0.0.2'],
  ['203.0.113.9, , 10.0.0.2', '10.0.0.2'],
  ['', '10.0.0.1'],
])('P29 takes from %p, told by a trusted peer, the right-most hop that is not trusted: %s', (value, client) => {
  const fields = value.split(', 10.').flatMap((part, i) => ['X-Forwarded-For', i === 0 ? part : `10.${part}`]);
  expect(clientBehind('10.0.0.1', fields, compileTrust(['10.0.0.0/8']))).toBe(client);
});

test.each(['10.0.0.0/33', '10.0.0.0/', '10.0.0', 'fd00::/129', '10.0.0.0/8/8', 'example.com', ''])(
  'P29 refuses %p as a network',
  (network) => {
    expect(() => createProxy({ port: 0, trustedProxies: [network] })).toThrow(
      expect.objectContaining({ code: 'ORCA_PROXY_SETTINGS_INVALID' }),
    );
  },
);

test('P29 P54 changes whom it trusts without cutting a connection', async () => {
  const origin = await httpOrigin((req, res) => void res.end(req.headers['x-forwarded-for']));
  const proxy = await aProxy([route([target(portOf(origin))])]);
  const client = await dial(proxy.port);
  const request = 'GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n';
  expect(bodyOf(await client.send(request).until(/\r\n\r\n.*127\.0\.0\.1/))).not.toContain('203');
  proxy.configure(trusting);
  expect(() => proxy.configure({ trustedProxies: ['nonsense'] })).toThrow('nonsense');
  await client.send(request).until('203.0.113.9, 127.0.0.1');
});

test('P30 sends no Forwarded unless asked to, and then one that is well-formed', async () => {
  expect(valuesOf(await forwarded('Forwarded: for=evil'), 'Forwarded')).toEqual([]);
  expect(valuesOf(await forwarded('Forwarded: for=evil', { forwarded: true }), 'Forwarded')).toEqual([
    'for=127.0.0.1;host="app.test:8080";proto=http',
  ]);
  const behind = await forwarded('Forwarded: for=203.0.113.9;proto=https', { ...trusting, forwarded: true });
  expect(valuesOf(behind, 'Forwarded')).toEqual([
    'for=203.0.113.9;proto=https, for=127.0.0.1;host="app.test:8080";proto=http',
  ]);
});

test('P30 quotes and brackets an IPv6 client in Forwarded', async () => {
  const origin = await httpOrigin((req, res) => void res.end(req.headers.forwarded));
  const proxy = await aProxy([route([target(portOf(origin))])], { bind: '::1', forwarded: true });
  const client = await dial(proxy.port, '::1');
  const response = await client.send('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n').ended();
  expect(bodyOf(response)).toContain('for="[::1]";host=app.test;proto=http');
});

test('P30 names itself in Via behind those that came before', async () => {
  expect(valuesOf(await forwarded('Via: 1.0 fred, 1.1 orcadian'), 'Via')).toEqual([
    '1.0 fred, 1.1 orcadian',
    '1.1 orca',
  ]);
  expect(valuesOf(await forwarded('', { pseudonym: 'edge-1' }), 'Via')).toEqual(['1.1 edge-1']);
});

test('P30 answers 508 to what it sent itself', async () => {
  const proxy = await aProxy([]);
  proxy.replace({ routes: [route([target(proxy.port)])] });
  const response = await exchange(proxy.port, 'GET / HTTP/1.1\nHost: app.test');
  expect(statusOf(response)).toBe(508);
  expect(bodyOf(response)).toContain('Loop detected');
});

test('P31 gives each request an id of its own, whatever a client says', async () => {
  const ids = [await forwarded('X-Request-Id: mine'), await forwarded('X-Request-Id: mine')].map((seen) =>
    valuesOf(seen, 'X-Request-Id'),
  );
  for (const id of ids) expect(id).toEqual([expect.stringMatching(/^[\da-f]{32}$/)]);
  expect(ids[0]).not.toEqual(ids[1]);
});

test.each([
  ['X-Request-Id: abc-123/4.5', true],
  [`X-Request-Id: ${'a'.repeat(129)}`, false],
  ['X-Request-Id: a b', false],
  ['X-Request-Id:', false],
  ['X-Request-Id: a\nX-Request-Id: b', false],
])('P31 keeps a well-formed id of a trusted peer: %j: %p', async (field, kept) => {
  const ids = valuesOf(await forwarded(field, trusting), 'X-Request-Id');
  expect(ids).toHaveLength(1);
  expect(ids[0] === field.slice(14)).toBe(kept);
});

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:0001:2::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
])('P59 counts %s as %s', (address, key) => {
  expect(clientKey(address)).toBe(key);
});

test.each(['::ffff:1.2.3.4', '::ffff:102:304', '::FFFF:0102:0304'])(
  'P28 an IPv4 client is one, written as %s too',
  (text) => {
    expect([plainAddress(text), clientKey(plainAddress(text))]).toEqual(['1.2.3.4', '1.2.3.4']);
  },
);
