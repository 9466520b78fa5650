import { expect, it } from '@jest/globals';
import { createProxy } from '@orca/proxy';
import { parseClusterSpec, type ProxySpec } from '@orca/spec';
import { proxyWishes } from '../src/proxy-options.ts';

const specOf = (...lines: readonly string[]): ProxySpec => {
  const parsed = parseClusterSpec({ path: 'cluster.toml', text: ['[proxy]', ...lines].join('\n') });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value.proxy;
};
const places = { accessLogPath: '/home/.orca/access.log' };

it('asks nothing of the proxy that cluster.toml does not ask for', () => {
  expect(proxyWishes(specOf(), places)).toEqual({
    settings: { trustedProxies: [], forwarded: false, allowedFieldNames: [] },
    limits: {},
    timeouts: {},
    proxyProtocolFrom: [],
    accessLog: {
      path: places.accessLogPath,
      rotation: { maxBytes: 64_000_000, keep: 4 },
      query: 'hide',
      fields: [],
    },
  });
  expect(proxyWishes(specOf('access_log = false'), places).accessLog).toBeUndefined();
});

it('passes every key of [proxy] on, in a form that the proxy takes', () => {
  const wishes = proxyWishes(
    specOf(
      'trusted_proxies = ["10.0.0.0/8", "fd00::/8", "192.0.2.1"]',
      'forwarded = true',
      'via_name = "edge-1"',
      'allowed_header_names = ["x_tenant"]',
      'proxy_protocol = ["10.0.0.1"]',
      'max_connections = 100',
      'max_connections_per_ip = 5',
      '[proxy.timeouts]',
      'first_byte_secs = 1',
      'headers_secs = 2',
      'body_idle_secs = 3',
      'keep_alive_secs = 4',
      'connect_secs = 5',
      'response_secs = 6',
      'response_idle_secs = 7',
      'target_idle_secs = 8',
      'websocket_grace_secs = 9',
      '[proxy.access_log]',
      'max_size = "1M"',
      'keep = 2',
      'query = "drop"',
      'header_names = ["user-agent"]',
    ),
    places,
  );
  expect(wishes).toEqual({
    settings: {
      trustedProxies: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1'],
      forwarded: true,
      pseudonym: 'edge-1',
      allowedFieldNames: ['x_tenant'],
    },
    limits: { connections: 100, connectionsPerAddress: 5 },
    timeouts: {
      firstByteMs: 1000,
      headersMs: 2000,
      bodyIdleMs: 3000,
      keepAliveMs: 4000,
      connectMs: 5000,
      responseHeadersMs: 6000,
      responseIdleMs: 7000,
      targetIdleMs: 8000,
      upgradeGraceMs: 9000,
    },
    proxyProtocolFrom: ['10.0.0.1'],
    accessLog: {
      path: '/home/.orca/access.log',
      rotation: { maxBytes: 1_000_000, keep: 2 },
      query: 'drop',
      fields: ['user-agent'],
    },
  });
  const { settings, limits, timeouts, proxyProtocolFrom } = wishes;
  expect(() => createProxy({ port: 0, ...settings, limits, timeouts, proxyProtocolFrom })).not.toThrow();
});
