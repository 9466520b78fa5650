import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { cluster, clusterIssues } from './reading.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/cluster-toml.md'), 'utf8');

describe('[proxy] of cluster.toml', () => {
  test('reads whom to believe, what to let in and how long to wait', () => {
    const { proxy } = cluster(
      [
        '[proxy]',
        'workers = 3',
        'trusted_proxies = ["10.0.0.0/8", "fd00::/8", "192.0.2.1"]',
        'forwarded = true',
        'via_name = "edge-1"',
        'allowed_header_names = ["x_tenant"]',
        'proxy_protocol = ["10.0.0.1/32"]',
        'max_connections = 1000',
        'max_connections_per_ip = 50',
        '[proxy.timeouts]',
        'connect_secs = 0.5',
        'response_secs = 0',
        'websocket_grace_secs = 30',
        '[proxy.access_log]',
        'max_size = "10M"',
        'header_names = ["user-agent"]',
      ].join('\n'),
    );
    expect(proxy).toEqual({
      httpPort: 80,
      httpsPort: 443,
      bind: '0.0.0.0',
      workers: 3,
      trustedProxies: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1'],
      forwarded: true,
      viaName: 'edge-1',
      allowedHeaderNames: ['x_tenant'],
      proxyProtocolFrom: ['10.0.0.1/32'],
      maxConnections: 1000,
      maxConnectionsPerIp: 50,
      timeouts: { connectMs: 500, responseHeadersMs: 0, upgradeGraceMs: 30_000 },
      accessLog: { maxBytes: 10_000_000, keep: 4, query: 'hide', headerNames: ['user-agent'] },
    });
  });

  test('P69: has an access log unless it is switched off', () => {
    expect(cluster('[proxy]\naccess_log = false').proxy.accessLog).toBeUndefined();
    expect(cluster('[proxy]\naccess_log = true').proxy).toEqual(cluster('').proxy);
  });

  test.each([
    ['trusted_proxies = ["10.0.0.0/33"]', /2:20: proxy.trusted_proxies\[0\]: "10.0.0.0\/33" is not a network/],
    ['trusted_proxies = ["10.0.0.0/8/8"]', /is not a network/],
    ['trusted_proxies = ["example.com"]', /is not a network/],
    ['trusted_proxies = "10.0.0.0/8"', /must be a list/],
    ['proxy_protocol = ["::/129"]', /is not a network/],
    ['proxy_protocol = true', /must be a list, not a boolean/],
    ['via_name = "a b"', /is not valid here/],
    ['allowed_header_names = ["x y"]', /is not valid here/],
    ['workers = 0', /from 1 to 256/],
    ['max_connections = 0', /from 1 to 1000000/],
    ['max_conections = 5', /did you mean "max_connections"/],
    ['[proxy.timeouts]\nheaders_secs = 0', /timeouts.headers_secs: must be a number of seconds from 1 to 3600/],
    [
      '[proxy.timeouts]\nheader_secs = 5',
      /unknown key "header_secs" in \[proxy.timeouts\]; did you mean "headers_secs"/,
    ],
    ['[proxy.access_log]\npath = "access.log"', /is not the absolute path of a file/],
    ['[proxy.access_log]\npath = "/var/log/../x"', /is not the absolute path of a file/],
    ['[proxy.access_log]\nmax_size = "10mb"', /must be bytes or a size/],
    ['[proxy.access_log]\nquery = "show"', /must be one of "hide", "keep", "drop"/],
    ['access_log = 5', /must be true, false or \[proxy.access_log\], not a number/],
  ])('refuses %j at its place', (line, message) => {
    expect(clusterIssues(`[proxy]\n${line}`)).toEqual([expect.stringMatching(message)]);
  });
});

/** The message for a key that is like no other lists them all. */
const keysOf = (table: string): readonly string[] => {
  const issue = clusterIssues(`${table}\nzzzzzzzzzzzzzzzzzzzzzzz = 1`).join('\n');
  return /known keys: (.*)$/m.exec(issue)?.[1]?.split(', ') ?? [];
};

describe('docs/cluster-toml.md', () => {
  test.each(['', '[cluster]', '[proxy]', '[proxy.timeouts]', '[proxy.access_log]', '[security]', '[acme]', '[backup]'])(
    'names every key of %j',
    (table) => {
      const keys = keysOf(table);
      expect(keys.length).toBeGreaterThan(0);
      const isNamed = (key: string): boolean =>
        page.includes(`\`${key}\``) || new RegExp(`\\[\\[?[a-z.]*\\b${key}\\]`).test(page);
      expect(keys.filter((key) => !isNamed(key))).toEqual([]);
    },
  );
});
