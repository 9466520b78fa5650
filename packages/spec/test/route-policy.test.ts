import { describe, expect, test } from '@jest/globals';
import { isSameRoute } from '@orca/spec';
import { issuesOf, serviceOf, web } from './reading.ts';

const routed = (...lines: readonly string[]): string => web('port = 80', 'domain = "a.example"', ...lines);

describe('[service.proxy]', () => {
  test('P52, P49: reads what is to happen to requests', () => {
    const { route } = serviceOf(
      routed(
        '[service.proxy]',
        'hold_secs = 30',
        'hold_max_requests = 50',
        'hold_health_paths = ["/up"]',
        'sticky = true',
      ),
    );
    expect(route?.policy).toEqual({
      holdMs: 30_000,
      holdMaxRequests: 50,
      holdHealthPaths: ['/up'],
      stickyCookie: 'orca_sticky',
    });
  });

  test('P42, P57, P59, P20: reads limits and timeouts', () => {
    const { route } = serviceOf(
      routed(
        '[service.proxy]',
        'max_body = "512Ki"',
        'rate_limit = { requests = 5 }',
        'https_redirect = false',
        'hsts = { include_subdomains = true }',
        'compress = true',
        'protocol = "h2c"',
        'strict_path = true',
        'response_timeout_secs = 0',
        'idle_timeout_secs = 1.5',
      ),
    );
    expect(route?.policy).toEqual({
      maxBodyBytes: 524_288,
      rate: { requests: 5, perMs: 1000 },
      httpsRedirect: false,
      hsts: { maxAgeSeconds: 31_536_000, includeSubDomains: true, preload: false },
      compress: true,
      protocol: 'h2c',
      strictPath: true,
      responseHeadersMs: 0,
      responseIdleMs: 1500,
    });
  });

  test.each([
    ['sticky = "where"', 'where'],
    ['sticky = false', undefined],
  ])('%s', (line, cookie) => {
    expect(serviceOf(routed('[service.proxy]', line)).route?.policy?.stickyCookie).toBe(cookie);
  });

  test.each([
    ['hold_secs = -1', /7:1: service\[0\].proxy.hold_secs: must be a number of seconds from 0 to 600, not -1/],
    ['hold_secs = "30"', /must be a number of seconds/],
    ['hold_secs = 601', /from 0 to 600/],
    ['hold_secs = 5\nhold_max_requests = 0', /from 1 to 100000/],
    ['hold_max_requests = 5', /hold_max_requests: has no effect without hold_secs/],
    ['hold_health_paths = ["/up"]', /hold_health_paths: has no effect without hold_secs/],
    ['hold_secs = 5\nhold_health_paths = ["up"]', /hold_health_paths\[0\]: "up" is not valid here/],
    ['sticky = "a b"', /is not valid here: must be the name of a cookie/],
    ['sticky = "__Host-a"', /must be the name of a cookie/],
    ['sticky = 1', /must be true or false/],
    ['max_body = "10mb"', /max_body: must be bytes or a size such as "10M" or "512Ki" .*, not "10mb"/],
    ['max_body = 0', /not "0"/],
    ['max_body = true', /not a boolean/],
    ['rate_limit = 5', /must be a table: write \[service.proxy.rate_limit\]/],
    ['rate_limit = {}', /rate_limit.requests: is required/],
    ['rate_limit = { requests = 5, per_sec = 1 }', /did you mean "per_secs"/],
    ['rate_limit = { requests = 0 }', /from 1 to 1000000/],
    ['protocol = "h2"', /must be one of "http\/1.1", "h2c", not "h2"/],
    ['https_redirect = "no"', /must be true or false/],
    ['hsts = 5', /must be a table: write \[service.proxy.hsts\]/],
    ['hsts = { max_age = 5 }', /did you mean "max_age_secs"/],
    ['hsts = { preload = true }', /hsts.preload: needs include_subdomains = true/],
    ['compress = 1', /must be true or false/],
    ['strict_path = "yes"', /must be true or false/],
    ['response_timeout_secs = -1', /from 0 to 86400/],
    ['idle_timeout_secs = 100000', /from 0 to 86400/],
    ['hold_sec = 5', /unknown key "hold_sec" in \[service.proxy\]; did you mean "hold_secs"\?/],
  ])('refuses %j at its place', (line, message) => {
    expect(issuesOf(routed('[service.proxy]', line))).toEqual([expect.stringMatching(message)]);
  });

  test('needs a domain', () => {
    expect(issuesOf(web('port = 80', '[service.proxy]', 'sticky = true'))).toEqual([
      'services/web/service.toml:5:1: service[0].proxy: has no effect without domain: set it, or remove [service.proxy]',
    ]);
  });

  test('P52: warns of a hold that gives up before an update can be over', () => {
    const volume = 'volumes = [{ source = "data", target = "/data" }]';
    expect(issuesOf(routed(volume, '[service.proxy]', 'hold_secs = 10'))).toEqual([
      expect.stringMatching(/^warning .*:8:1: service\[0\].proxy.hold_secs: is too short for an update/),
    ]);
    expect(issuesOf(routed(volume, '[service.proxy]', 'hold_secs = 20'))).toEqual([]);
    expect(issuesOf(routed('[service.proxy]', 'hold_secs = 10'))).toEqual([]);
  });
});

describe('isSameRoute', () => {
  const { route } = serviceOf(routed('[service.proxy]', 'hold_secs = 30', 'sticky = true'));

  test('a route read back from its record is the same', () => {
    expect(isSameRoute(route, JSON.parse(JSON.stringify(route)))).toBe(true);
    const { route: plain } = serviceOf(routed());
    expect(isSameRoute(plain, JSON.parse(JSON.stringify(plain)))).toBe(true);
  });

  test.each(['hold_secs = 31\nsticky = true', 'hold_secs = 30', 'hold_secs = 30\nsticky = "b"', ''])(
    'a change of any key is a change: %j',
    (lines) => {
      expect(isSameRoute(route, serviceOf(routed('[service.proxy]', lines)).route)).toBe(false);
    },
  );
});
