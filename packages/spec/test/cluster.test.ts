import { describe, expect, test } from '@jest/globals';
import { parseClusterSpec } from '@orca/spec';
import { cluster, clusterIssues, valueOf } from './reading.ts';

describe('cluster.toml', () => {
  test('may be missing: every setting has a default', () => {
    expect(valueOf(parseClusterSpec(undefined))).toEqual({
      name: 'orca',
      domain: undefined,
      logLevel: 'info',
      apiPort: 6880,
      apiBind: ['127.0.0.1'],
      acme: {
        email: undefined,
        directory: undefined,
        caFile: undefined,
        termsAgreed: true,
        profile: undefined,
        externalAccount: undefined,
        challenges: ['http-01'],
        dnsHook: undefined,
        dnsEnv: {},
        resolvers: [],
        preflight: true,
        keyType: 'ecdsa-p256',
        preferredChain: undefined,
      },
      proxy: {
        httpPort: 80,
        httpsPort: 443,
        bind: '0.0.0.0',
        trustedProxies: [],
        forwarded: false,
        allowedHeaderNames: [],
        proxyProtocolFrom: [],
        timeouts: {},
        accessLog: { maxBytes: 64_000_000, keep: 4, query: 'hide', headerNames: [] },
      },
      backup: { enabled: false, schedule: undefined, retentionDays: 30, targets: [] },
      security: { allowMounts: [] },
    });
    expect(clusterIssues('')).toEqual([]);
  });

  test('has HTTPS on 443 beside 80, and otherwise where it is named', () => {
    expect(cluster('[proxy]\nhttp_port = 8080').proxy.httpsPort).toBeUndefined();
    expect(cluster('[proxy]\nhttp_port = 8080\nhttps_port = 8443').proxy.httpsPort).toBe(8443);
  });

  test('takes acme_email in [cluster] for email in [acme]', () => {
    expect(cluster('[cluster]\nacme_email = "ops@example.com"').acme.email).toBe('ops@example.com');
    expect(cluster('[cluster]\nacme_email = "a@b.c"\n[acme]\nemail = "a@b.c"').acme.email).toBe('a@b.c');
  });

  test('refuses two different e-mail addresses', () => {
    expect(clusterIssues('[cluster]\nacme_email = "x@b.c"\n[acme]\nemail = "a@b.c"')).toContain(
      'cluster.toml:4:1: acme.email: differs from [cluster] acme_email: keep one of the two',
    );
  });

  test('takes [network] and [cluster.network] for the same, but not both', () => {
    expect(clusterIssues('[network]\nprovider = "netbird"')).toEqual([expect.stringContaining('not supported yet')]);
    expect(clusterIssues('[cluster.network]\nprovider = "netbird"')).toEqual([
      expect.stringContaining('not supported yet'),
    ]);
    expect(clusterIssues('[network]\nprovider = "a"\n[cluster.network]\nprovider = "a"')).toContainEqual(
      expect.stringContaining('network: stands next to [cluster.network]'),
    );
  });

  test('keeps the keys of backup targets as templates', () => {
    const target = '[[backup.targets]]\ntype = "s3"\nendpoint = "https://s3.example"\nbucket = "b"\nregion = "r"\n';
    expect(cluster(`${target}access_key = "\${secrets.KEY}"`).backup.targets).toEqual([
      {
        type: 's3',
        endpoint: 'https://s3.example',
        bucket: 'b',
        region: 'r',
        prefix: undefined,
        accessKey: { parts: [{ secret: 'KEY' }] },
        secretKey: undefined,
      },
    ]);
  });

  test('warns of every address that the API does not listen on', () => {
    expect(clusterIssues('[cluster]\napi_bind = ["127.0.0.1"]')).toEqual([]);
    expect(clusterIssues('[cluster]\napi_bind = []')).toEqual([
      'warning cluster.toml:2:1: cluster.api_bind: names no address; the API listens on 127.0.0.1 all the same',
    ]);
    expect(cluster('[cluster]\napi_bind = []').apiBind).toEqual(['127.0.0.1']);
    expect(clusterIssues('[cluster]\napi_bind = ["127.0.0.1", "::1", "10.0.0.1"]')).toEqual([
      'warning cluster.toml:2:26: cluster.api_bind[1]: not supported yet: an API on ::1; it listens on 127.0.0.1 only',
      'warning cluster.toml:2:33: cluster.api_bind[2]: not supported yet: an API on 10.0.0.1; it listens on 127.0.0.1 only',
    ]);
  });

  test.each([
    ['[cluster]\nnam = "x"', 'unknown key "nam" in [cluster]; did you mean "name"?'],
    ['[proxi]\nhttp_port = 80', 'unknown key "proxi" in cluster.toml; did you mean "proxy"?'],
    ['[cluster]\nlog_level = "loud"', 'must be one of "trace", "debug"'],
    ['[cluster]\napi_bind = ["everywhere"]', 'is not an IP address'],
    ['[proxy]\nhttp_port = 8443\nhttps_port = 8443', 'port 8443 is also proxy.https_port'],
    ['[cluster]\napi_port = 443', 'port 443 is also proxy.https_port'],
    ['[cluster]\napi_port = 80', 'is also cluster.api_port'],
    ['[security]\nallow_mounts = ["srv"]', 'is not an absolute path'],
    ['cluster = 1', 'must be a table: write [cluster]'],
    ['[acme]\nemail = "ops"', 'is not an e-mail address'],
    ['[acme]\ndirectory = "ftp://x"', 'is not a URL'],
    ['[backup]\nretention_days = 0', 'must be a whole number from 1'],
    [
      '[backup]\nschedule = "0 3 * * *"',
      'a schedule has six: sec min hour day month weekday; with seconds in front: "0 0 3 * * *"',
    ],
    ['[[backup.targets]]\ntype = "ftp"', 'must be one of "local", "s3"'],
    [
      '[[backup.targets]]\ntype = "s3"\nendpoint = "https://x"\nbucket = "--config"\nregion = "r"',
      'one word that does not start with "-"',
    ],
    ['[[backup.targets]]\ntype = "local"', 'backup.targets[0].path: is required'],
    [
      '[[backup.targets]]\ntype = "local"\npath = "/b"\nbucket = "x"',
      'unknown key "bucket" in [[backup.targets]] of type "local"',
    ],
  ])('refuses %j', (text, message) => {
    const errors = clusterIssues(text).filter((line) => !line.startsWith('warning '));
    expect(errors).toEqual([expect.stringContaining(message)]);
  });
});
