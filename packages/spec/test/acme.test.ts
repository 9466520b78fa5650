import { describe, expect, test } from '@jest/globals';
import { parseClusterSpec } from '@orca/spec';
import { cluster, clusterIssues, linesOf, valueOf, issuesOf as issues, serviceOf as only } from './reading.ts';

describe('[acme]', () => {
  test('has all of it, with secrets filled in', () => {
    const { acme } = cluster(`[acme]
email = "ops@example.com"
directory = "https://ca.internal/dir"
ca_file = "certs/root.pem"
terms_agreed = false
profile = "shortlived"
eab_kid = "kid-1"
eab_hmac = "c2VjcmV0"
challenge = ["http-01", "dns-01"]
dns_hook = ["/usr/local/bin/dns", "--zone", "example.com"]
dns_env = { TOKEN = "abc" }
resolvers = ["10.0.0.2", "127.0.0.1:8053", "[::1]:53", "::1"]
preflight = false
key_type = "rsa-2048"
preferred_chain = "ISRG Root X1"`);
    expect(acme).toEqual({
      email: 'ops@example.com',
      directory: 'https://ca.internal/dir',
      caFile: 'certs/root.pem',
      termsAgreed: false,
      profile: 'shortlived',
      externalAccount: { kid: 'kid-1', hmacKey: 'c2VjcmV0' },
      challenges: ['http-01', 'dns-01'],
      dnsHook: ['/usr/local/bin/dns', '--zone', 'example.com'],
      dnsEnv: { TOKEN: 'abc' },
      resolvers: ['10.0.0.2', '127.0.0.1:8053', '[::1]:53', '::1'],
      preflight: false,
      keyType: 'rsa-2048',
      preferredChain: 'ISRG Root X1',
    });
    expect(cluster('[acme]\nchallenge = "tls-alpn-01"').acme.challenges).toEqual(['tls-alpn-01']);
  });

  test('takes secrets for what is one', () => {
    const text =
      '[acme]\neab_kid = "kid"\neab_hmac = "${secrets.EAB}"\nchallenge = "dns-01"\ndns_hook = ["x"]\ndns_env = { TOKEN = "${secrets.DNS}" }';
    const file = { path: 'cluster.toml', text };
    const values = new Map([
      ['EAB', 'c2VjcmV0'],
      ['DNS', 'abc'],
    ]);
    const { acme } = valueOf(parseClusterSpec(file, values));
    expect(acme.externalAccount).toEqual({ kid: 'kid', hmacKey: 'c2VjcmV0' });
    expect(acme.dnsEnv).toEqual({ TOKEN: 'abc' });
    expect(linesOf(parseClusterSpec(file)).join('\n')).toMatch(/EAB.*orca secrets set EAB/);
  });

  test.each([
    ['eab_kid = "x"', 'eab_kid and eab_hmac go together'],
    ['eab_hmac = "x"', 'eab_kid and eab_hmac go together'],
    ['challenge = "dns-01"', 'dns-01 needs dns_hook'],
    ['dns_hook = ["/bin/true"]', 'has no effect without challenge = "dns-01"'],
    ['challenge = "http-02"', 'http-01'],
    ['challenge = []', 'must name at least one'],
    ['challenge = ["http-01", "http-01"]', 'names one twice'],
    ['ca_file = "../root.pem"', 'is not the path of a file'],
    ['resolvers = ["dns.example.com"]', 'is not the address of a DNS server'],
    ['resolvers = ["10.0.0.2:99999"]', 'is not the address of a DNS server'],
    ['terms_agreed = "yes"', 'must be true or false'],
    ['emial = "a@b.c"', 'email'],
  ])('refuses %s', (line, message) => {
    expect(clusterIssues(`[acme]\n${line}`).join('\n')).toContain(message);
  });
});

describe('tls_cert and tls_key', () => {
  const web = '[[service]]\nname = "web"\nimage = "nginx:1"\nport = 80\n';
  test('belong to the route', () => {
    const text = `${web}domain = "a.example.com"\ntls_cert = "certs/a.pem"\ntls_key = "/etc/ssl/a.key"`;
    expect(only(text).route?.tls).toEqual({ certFile: 'certs/a.pem', keyFile: '/etc/ssl/a.key' });
  });

  test.each([
    ['domain = "a.example.com"\ntls_cert = "a.pem"', 'tls_cert and tls_key go together'],
    ['domain = "a.example.com"\ntls_key = "a.pem"', 'tls_cert and tls_key go together'],
    ['tls_cert = "a.pem"\ntls_key = "k.pem"', 'has no effect without domain'],
    ['domain = "a.example.com"\ntls_cert = "../a.pem"\ntls_key = "k.pem"', 'is not the path of a file'],
  ])('refuses %s', (lines, message) => {
    expect(issues(`${web}${lines}`).join('\n')).toContain(message);
  });
});
