import { describe, expect, test } from '@jest/globals';
import { issuesOf, named, serviceFile } from './reading.ts';

const files = (...services: readonly (readonly [string, ...string[]])[]) =>
  services.map(([name, ...lines]) => serviceFile(named(name, ...lines), name));

describe('rules between services', () => {
  test('a name is given once, across all files', () => {
    expect(issuesOf([serviceFile(named('db'), 'aa'), serviceFile(named('db'), 'bb')])).toEqual([
      'services/bb/service.toml:2:1: service[0].name: service "db" is already defined at services/aa/service.toml:1',
    ]);
  });

  test('a name may not be the name of a replica', () => {
    expect(issuesOf(files(['web', 'replicas = 3'], ['web-3'], ['web-4']))).toEqual([
      'services/web-3/service.toml:2:1: service[0].name: is also the name of replica 3 of "web" at services/web/service.toml:1',
    ]);
  });

  test('P18: a domain and path lead to one service', () => {
    const [one, two] = ['domain = "a.example"', 'domains = ["b.example", "A.example"]'];
    expect(issuesOf(files(['one', 'port = 80', one], ['two', 'port = 80', two]))).toEqual([
      'services/one/service.toml:5:1: service[0].domain: a.example/ is routed to "two" at services/two/service.toml:1 as well',
      'services/two/service.toml:5:1: service[0].domains: a.example/ is already routed to "one" at services/one/service.toml:1',
    ]);
  });

  test('one domain may be shared by different paths', () => {
    const shared = ['port = 80', 'domain = "a.example"'] as const;
    expect(issuesOf(files(['site', ...shared], ['api', ...shared, 'routes = ["/api/*"]']))).toEqual([]);
  });

  test.each([
    ['"9000:80"', '"9000:81"'],
    ['"9000:80"', '"127.0.0.1:9000:80"'],
    ['"127.0.0.1:9000:80"', '"127.0.0.1:9000:80"'],
    ['"[::]:9000:80"', '"127.0.0.1:9000:80"'],
    ['"9000:80/udp"', '"9000:80/udp"'],
  ])('%s and %s fight for a host port', (one, two) => {
    expect(issuesOf(files(['one', `extra_ports = [${one}]`], ['two', `extra_ports = [${two}]`]))).toEqual([
      expect.stringMatching(
        /^services\/two\/service.toml:4:1: service\[0\].extra_ports: host port .*9000\/(tcp|udp) is already taken by service "one"/,
      ),
    ]);
  });

  test.each([
    ['"9000:80"', '"9001:80"'],
    ['"9000:80/tcp"', '"9000:80/udp"'],
    ['"127.0.0.1:9000:80"', '"127.0.0.2:9000:80"'],
  ])('%s and %s do not', (one, two) => {
    expect(issuesOf(files(['one', `extra_ports = [${one}]`], ['two', `extra_ports = [${two}]`]))).toEqual([]);
  });

  test.each([
    ['"80:80"', 'http_port'],
    ['"127.0.0.1:443:80"', 'https_port'],
    ['"6880:80"', 'api_port'],
  ])("%s is orca's own", (port, owner) => {
    expect(issuesOf(files(['web', `extra_ports = [${port}]`]))).toEqual([expect.stringContaining(owner)]);
  });

  test('ports of the proxy are those of cluster.toml', () => {
    const text = files(['web', 'extra_ports = ["80:80"]']);
    expect(issuesOf(text, '[proxy]\nhttp_port = 8080\n')).toEqual([]);
  });
});

const on = (...names: readonly string[]) => `depends_on = ${JSON.stringify(names)}`;

describe('depends_on', () => {
  test('refuses a name that does not exist, with the nearest one', () => {
    expect(issuesOf(files(['web', on('keycloack-db')], ['keycloak-db']))).toEqual([
      'services/web/service.toml:4:1: service[0].depends_on: there is no service "keycloack-db"; did you mean "keycloak-db"?',
    ]);
  });

  test('does not call a service unknown while some file cannot be read', () => {
    const broken = serviceFile('[[service]\n', 'db');
    expect(issuesOf([...files(['web', on('db')]), broken])).toEqual([expect.stringContaining('not valid TOML')]);
  });

  test('prints a cycle', () => {
    expect(issuesOf(files(['aa', on('bb')], ['bb', on('cc')], ['cc', on('aa')], ['dd', on('aa')]))).toEqual([
      'services/aa/service.toml:4:1: service[0].depends_on: services wait for each other: aa -> bb -> cc -> aa',
    ]);
  });

  test('prints each of two cycles', () => {
    expect(issuesOf(files(['aa', on('bb')], ['bb', on('aa')], ['cc', on('dd')], ['dd', on('cc')]))).toEqual([
      expect.stringContaining('aa -> bb -> aa'),
      expect.stringContaining('cc -> dd -> cc'),
    ]);
  });

  test('refuses a service that waits for itself', () => {
    expect(issuesOf(files(['web', on('web')]))).toEqual([
      'services/web/service.toml:4:1: service[0].depends_on: "web" depends on itself',
    ]);
  });

  test('accepts a diamond', () => {
    expect(issuesOf(files(['aa', on('bb', 'cc')], ['bb', on('dd')], ['cc', on('dd')], ['dd']))).toEqual([]);
  });
});
