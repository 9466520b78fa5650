import { describe, expect, test } from '@jest/globals';
import { issuesOf, ROOT, serviceOf, web } from './reading.ts';

const mount = (source: string) => web(`mounts = [${JSON.stringify(`${source}:/data`)}]`);
const allow = (...paths: readonly string[]) => `[security]\nallow_mounts = ${JSON.stringify(paths)}\n`;

describe('volumes', () => {
  test('are named, with a target', () => {
    const spec = serviceOf(web('[[service.volumes]]', 'source = "db-data"', 'target = "/var/lib/data/"'));
    expect(spec.volumes).toEqual([{ source: 'db-data', target: '/var/lib/data', readOnly: false }]);
  });

  test('have a short form named after the service', () => {
    expect(serviceOf(web('[service.volume]', 'path = "/data"')).volumes).toEqual([
      { source: 'orca-web-data', target: '/data', readOnly: false },
    ]);
  });

  test('are not host directories', () => {
    expect(issuesOf(web('[[service.volumes]]', 'source = "/srv/x"', 'target = "/x"'))).toEqual([
      expect.stringContaining('for a host directory use [[service.mounts]]'),
    ]);
  });

  test.each(['relative', '/', '/a/../b', ''])('refuse the target %j', (target) => {
    expect(issuesOf(web('[[service.volumes]]', 'source = "x1"', `target = "${target}"`))).toHaveLength(1);
  });

  test('share no target with a mount', () => {
    expect(issuesOf(web('mounts = ["./a:/data"]', '[service.volume]', 'path = "/data/"'))).toEqual([
      expect.stringContaining('the same target /data'),
    ]);
  });
});

describe('mounts', () => {
  test('are written in two ways', () => {
    const table = web(
      '[[service.mounts]]',
      'source = "./services/web/config"',
      'target = "/etc/web"',
      'read_only = true',
    );
    const short = web('mounts = ["./services/web/config:/etc/web:ro"]');
    const expected = [{ source: `${ROOT}/services/web/config`, target: '/etc/web', readOnly: true }];
    expect(serviceOf(table).mounts).toEqual(expected);
    expect(serviceOf(short).mounts).toEqual(expected);
  });

  test.each(['data:/data', './a', './a:/b:rw:x', './a:/b:exec', ':/b'])('refuse the short form %j', (text) => {
    expect(issuesOf(web(`mounts = ["${text}"]`))).toEqual([expect.stringContaining('is not a mount')]);
  });

  test.each(['./..', './../other', './a/../../b', '../infra2'])('refuse %j, which leaves the infra root', (source) => {
    const text = web('[[service.mounts]]', `source = "${source}"`, 'target = "/data"');
    expect(issuesOf(text)).toEqual([expect.stringContaining('leaves the infra root')]);
  });

  test('may go up and come back', () => {
    expect(serviceOf(mount('./a/../b')).mounts[0]?.source).toBe(`${ROOT}/b`);
  });

  test('do not expand "~"', () => {
    const text = web('[[service.mounts]]', 'source = "~/data"', 'target = "/data"');
    expect(issuesOf(text)).toEqual([expect.stringContaining('"~" is not expanded')]);
  });

  test('from elsewhere must be under an allowed directory, and the message says how', () => {
    expect(issuesOf(mount('/srv/data'))).toEqual([
      'services/web/service.toml:4:11: service[0].mounts[0]: /srv/data is not under an allowed directory; list it in cluster.toml: [security] allow_mounts = ["/srv/data"], or a directory above it',
    ]);
    expect(issuesOf(mount('/srv/data'), allow('/srv'))).toEqual([]);
    expect(issuesOf(mount('/srv/data'), allow('/srv/data/'))).toEqual([]);
    expect(issuesOf(mount('/srv2/data'), allow('/srv'))).toHaveLength(1);
    expect(issuesOf(mount('/srv/../etc/x'), allow('/srv'))).toHaveLength(1);
  });

  const powerful = [
    '/',
    '/etc',
    '/etc/ssl',
    '/proc',
    '/sys/kernel',
    '/root',
    '/root/.ssh',
    '/dev/sda',
    '/var',
    '/var/run',
    '/var/run/docker.sock',
    '/run/docker.sock',
    '/home/ann/docker.sock',
    '/home/ann/.orca',
    '/home/ann/.orca/certs',
    '/var/lib/docker/volumes',
  ];

  test.each(powerful)('%s is only mounted when listed itself', (source) => {
    expect(issuesOf(mount(source), allow('/', '/home', '/usr'))).toHaveLength(source === '/' ? 0 : 1);
    expect(issuesOf(mount(source), allow(source))).toEqual([]);
  });

  test('of the state of orca are refused also when they are relative', () => {
    expect(issuesOf(mount('./.orca'))).toEqual([expect.stringContaining('is the state of orca itself')]);
  });
});
