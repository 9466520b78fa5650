import { describe, expect, test } from '@jest/globals';
import { issuesOf, named, serviceFile, web } from './reading.ts';

describe('faults of the text', () => {
  test('an unknown key is an error at its place, with the key that was probably meant', () => {
    expect(issuesOf(web('depend_on = ["db"]'))).toEqual([
      'services/web/service.toml:4:1: service[0].depend_on: unknown key "depend_on" in [[service]]; did you mean "depends_on"?',
    ]);
  });

  test.each([
    [
      '[service.liveness]\npath = "/"\ninitial_delay = 5',
      '"initial_delay" in [service.liveness]; did you mean "initial_delay_secs"?',
    ],
    [
      '[[service.mounts]]\nsource = "./a"\ntarget = "/a"\nreadonly = true',
      '"readonly" in [[service.mounts]]; did you mean "read_only"?',
    ],
    ['[service.backup]\nprehook = "x"', '"prehook" in [service.backup]; did you mean "pre_hook"?'],
    ['xyzzyplugh = 1', '"xyzzyplugh" in [[service]]; known keys: name, project, image'],
    ['constructor = 1', '"constructor" in [[service]]'],
    ['__proto__ = 1', '"__proto__" in [[service]]'],
    ['toString = 1', '"toString" in [[service]]'],
  ])('%j', (lines, message) => {
    expect(issuesOf(web('port = 80', lines))).toEqual([expect.stringContaining(`unknown key ${message}`)]);
  });

  test('all faults of all files are told at once, sorted by file and line', () => {
    const files = [
      serviceFile(named('web', 'port = 0', 'imag = "x"'), 'web'),
      serviceFile('[[service]]\nname = "db"\n', 'db'),
      serviceFile('[[service]\n', 'broken'),
    ];
    expect(issuesOf(files)).toEqual([
      expect.stringMatching(/^services\/broken\/service.toml:1:12: not valid TOML: /),
      'services/db/service.toml:1:1: service[0].image: is required',
      'services/web/service.toml:4:1: service[0].port: must be a whole number from 1 to 65535, not 0',
      'services/web/service.toml:5:1: service[0].imag: unknown key "imag" in [[service]]; did you mean "image"?',
    ]);
  });

  test('a fault inside a list or an inline table is found there', () => {
    expect(issuesOf(web('aliases = ["db",', '  "D B"]', 'mounts = [{ source = "./a", targt = "/a" }]'))).toEqual([
      expect.stringMatching(/^services\/web\/service.toml:5:3: service\[0\]\.aliases\[1\]: /),
      expect.stringMatching(/:6:11: service\[0\]\.mounts\[0\]\.target: is required/),
      expect.stringMatching(/:6:29: service\[0\]\.mounts\[0\]\.targt: unknown key/),
    ]);
  });

  test('a fault in the second service names the second', () => {
    expect(issuesOf(`${named('web')}\n${named('api', 'port = "x"')}`)).toEqual([
      expect.stringContaining('services/web/service.toml:8:1: service[1].port: '),
    ]);
  });

  test('one bad value does not make others look wrong', () => {
    expect(issuesOf(web('port = "80"', 'domain = "a.example"', 'health = "/"', 'host_port = 8080'))).toEqual([
      expect.stringContaining('service[0].port: must be a whole number'),
    ]);
    expect(issuesOf(web('domain = "a b"', 'routes = ["/x"]', 'port = 80'))).toEqual([
      expect.stringContaining('service[0].domain: "a b" is not a domain'),
    ]);
  });

  test('[service] with single brackets is told from [[service]]', () => {
    expect(issuesOf('[service]\nname = "web"')).toEqual([
      'services/web/service.toml:1:1: service: must be a list of services: write [[service]], with two brackets',
    ]);
  });

  test('a file without a service is an error', () => {
    expect(issuesOf('# later\n')).toEqual([
      'services/web/service.toml:1:1: holds no service: write [[service]] with name and image',
    ]);
  });

  test('a syntax error never quotes the file', () => {
    const [issue] = issuesOf(web('[service.env]', 'PASSWORD = "hunter2'));
    expect(issue).toMatch(/^services\/web\/service.toml:5:\d+: not valid TOML: /);
    expect(issue).not.toContain('hunter2');
  });

  test('control characters do not reach a terminal through a message', () => {
    const [issue = ''] = issuesOf('[[service]]\nname = "web"\nimage = "a\\u001b[31m"\n"\\u001b[2J" = 1');
    // oxlint-disable-next-line no-control-regex -- looking for them is the test
    expect(issue).not.toMatch(/[\u0000-\u001f]/);
  });

  test('a file with very many faults is told in a hundred lines, errors first', () => {
    const numbers = Array.from({ length: 150 }, (_, index) => `V${index} = 0.5`);
    const keys = Array.from({ length: 99 }, (_, index) => `k${index} = 1`);
    const issues = issuesOf(web(...keys, '[service.env]', ...numbers));
    expect(issues).toHaveLength(101);
    expect(issues.filter((line) => line.includes('unknown key'))).toHaveLength(99);
    expect(issues.at(-1)).toContain('and 149 more faults in this file');
  });
});
