import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { formatTemplate, updateOrderOf } from '@orca/spec';
import { loadInfra } from '@orca/spec/files';
import { issuesOf, linesOf, serviceOf, valueOf, web } from './reading.ts';

const spec = (...lines: readonly string[]) => serviceOf(web(...lines));

describe('what Compose has under the same name', () => {
  test.each([
    ['entrypoint = ["/init", "-v"]', { entrypoint: [{ parts: ['/init'] }, { parts: ['-v'] }] }],
    ['user = "1000:1000"', { user: '1000:1000' }],
    ['working_dir = "/srv/app"', { workingDir: '/srv/app' }],
    ['hostname = "db.example"', { hostname: 'db.example' }],
    ['init = true', { init: true }],
    ['init = false', { init: undefined }],
    ['tmpfs = "/run"', { tmpfs: [{ target: '/run', options: '' }] }],
    ['tmpfs = ["/run:size=64m,mode=1777"]', { tmpfs: [{ target: '/run', options: 'size=64m,mode=1777' }] }],
    ['shm_size = "64m"', { shmBytes: 64 * 1024 * 1024 }],
    ['shm_size = "1gb"', { shmBytes: 1024 ** 3 }],
    ['shm_size = 1048576', { shmBytes: 1_048_576 }],
    ['ulimits = { nofile = 1024 }', { ulimits: { nofile: { soft: 1024, hard: 1024 } } }],
    ['[service.ulimits.core]\nsoft = 0\nhard = -1', { ulimits: { core: { soft: 0, hard: -1 } } }],
    ['cap_add = ["SYS_TIME", "cap_net_admin", "SYS_TIME"]', { capAdd: ['NET_ADMIN', 'SYS_TIME'] }],
    ['cap_drop = ["ALL"]', { capDrop: ['ALL'] }],
    ['gpus = "all"', { gpus: { count: 'all', ids: undefined } }],
    ['gpus = 2', { gpus: { count: 2, ids: undefined } }],
    ['gpus = ["0", "1"]', { gpus: { count: undefined, ids: ['0', '1'] } }],
    ['extra_hosts = ["b:10.0.0.1", "a:host-gateway"]', { extraHosts: ['a:host-gateway', 'b:10.0.0.1'] }],
    ['extra_hosts = ["six=[::1]"]', { extraHosts: ['six:::1'] }],
    ['dns = ["9.9.9.9", "1.1.1.1"]', { dns: ['9.9.9.9', '1.1.1.1'] }],
    ['sysctls = { "net.core.somaxconn" = 1024 }', { sysctls: { 'net.core.somaxconn': '1024' } }],
    ['sysctls = ["net.ipv4.ip_forward=1"]', { sysctls: { 'net.ipv4.ip_forward': '1' } }],
    ['labels = { team = "web", "a.b/c" = "" }', { labels: { team: 'web', 'a.b/c': '' } }],
    ['labels = ["team=a=b", "flag"]', { labels: { team: 'a=b', flag: '' } }],
    ['read_only = true', { readOnlyRoot: true }],
    ['internal = true', { internal: true }],
    ['stop_grace_period = "1m30s"', { stopGraceMs: 90_000 }],
    ['mem_limit = "512m"', { resources: { memoryBytes: 512 * 1024 * 1024, cpus: undefined } }],
    ['cpus = 0.5', { resources: { memoryBytes: undefined, cpus: 0.5 } }],
    [
      '[service.logging]\noptions = { max-size = "1m" }',
      { logging: { driver: 'json-file', options: { 'max-size': '1m' } } },
    ],
    ['[service.logging]\ndriver = "none"', { logging: { driver: 'none', options: {} } }],
  ])('%j is read', (line, fields) => {
    expect(spec(line)).toMatchObject(fields);
  });

  test.each([
    ['entrypoint = "/init"', 'must be a list'],
    ['entrypoint = []', 'must not be an empty list'],
    ['user = "root; rm"', 'must be a user such as'],
    ['working_dir = "srv"', 'must be an absolute path'],
    ['working_dir = "/srv/../etc"', 'must be an absolute path'],
    ['tmpfs = "run"', 'is not a path in a container'],
    ['tmpfs = "/run:sise=64m"', '"sise=64m" is not known'],
    ['tmpfs = "/run:size=64mm"', '"size=64mm" is not known'],
    ['shm_size = "64mm"', 'must be bytes or a size such as "64m"'],
    ['shm_size = "4gb "', 'must be bytes or a size such as "64m"'],
    ['shm_size = 0', 'must be bytes or a size'],
    ['ulimits = { nofiles = 1 }', 'is not a limit; there are:'],
    ['ulimits = { nofile = "many" }', 'must be a whole number'],
    ['ulimits = { nofile = { soft = 1 } }', 'needs both'],
    ['ulimits = { nofile = { soft = 2, hard = 1 } }', 'the soft limit is above the hard one'],
    ['cap_add = ["NET_ADMINS"]', 'is not a capability; did you mean "NET_ADMIN"?'],
    ['devices = ["/dev/fuse"]', 'allow_mounts = ["/dev/fuse"]'],
    ['devices = ["fuse"]', 'is not a device'],
    ['devices = ["/dev/fuse:/dev/fuse:rx"]', 'is not a device'],
    ['gpus = "some"', 'must be "all", a number, or a list of ids'],
    ['gpus = 0', 'must be a whole number from 1'],
    ['extra_hosts = ["db"]', 'is not an entry'],
    ['extra_hosts = ["db:10.0.0.999"]', 'is not an entry'],
    ['dns = "dns.example"', 'is not an IP address'],
    ['sysctls = { "vm.swappiness" = 1 }', 'is not a setting that a container can have for itself'],
    ['labels = { "orca.service" = "x" }', 'which orca keeps for itself'],
    ['stop_grace_period = "30"', 'must be a duration such as'],
    ['stop_grace_period = "2h"', 'at most 3600 s'],
    ['stop_grace_period = "3s"\nstop_grace_secs = 3', 'cannot stand next to stop_grace_secs'],
    ['mem_limit = "1g"\n[service.resources]\nmemory = "1Gi"', 'cannot stand next to [service.resources] memory'],
    ['[service.logging]\nmax-size = "1m"', 'unknown key "max-size" in [service.logging]'],
    ['ports = ["80:80"]', 'write extra_ports'],
    ['environment = { A = "1" }', 'write [service.env]'],
    ['restart = "always"', 'write restart_policy'],
    ['healthcheck = { test = "x" }', 'write [service.liveness]'],
  ])('%j is refused with its place', (line, message) => {
    const issues = issuesOf(web(line));
    expect(issues).toContainEqual(expect.stringContaining(message));
    expect(issues[0]).toMatch(/^services\/web\/service\.toml:\d+:\d+: /);
  });

  test('a device is used when cluster.toml allows exactly it', () => {
    const { devices } = serviceOf(
      web('devices = ["/dev/fuse::r"]'.replace('::r', ':/dev/fuse:r')),
      '[security]\nallow_mounts = ["/dev/fuse"]',
    );
    expect(devices).toEqual([{ host: '/dev/fuse', container: '/dev/fuse', permissions: 'r' }]);
    expect(issuesOf(web('devices = ["/dev/fuse"]'), '[security]\nallow_mounts = ["/dev"]')).toHaveLength(1);
  });

  test('privileged works, and is warned about', () => {
    expect(issuesOf(web('privileged = true'))).toEqual([expect.stringMatching(/^warning .*runs privileged/)]);
  });
});

describe('23, 30: a writable volume', () => {
  const volume = '[[service.volumes]]\nsource = "data"\ntarget = "/data"';

  test('has one writer: one replica, and stop-first', () => {
    expect(issuesOf(web('replicas = 2', volume))).toEqual([
      expect.stringContaining(
        'must be 1: volume data has one writer at a time; if it tolerates several: shared_volume = true',
      ),
    ]);
    expect(updateOrderOf(spec(volume)).kind).toBe('stop-first');
  });

  test('may have several when its owner says so', () => {
    const shared = spec('replicas = 2', 'shared_volume = true', volume);
    expect(updateOrderOf(shared).kind).toBe('start-first');
    expect(spec('shared_volume = true', volume, '[service.deploy]\norder = "start-first"').deploy.order).toBe(
      'start-first',
    );
  });

  test('a host port can be shared by nobody, whatever is said about volumes', () => {
    const text = web('shared_volume = true', 'extra_ports = ["8081:80"]', '[service.deploy]', 'order = "start-first"');
    expect(issuesOf(text)).toEqual([expect.stringContaining('host port 8081 cannot be shared')]);
  });
});

describe('env_file', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'orca-env-'));
    await put(
      'services/web/service.toml',
      web('env_file = ["web.env", "./more/b.env"]', '[service.env]', 'OWN = "1"', 'BOTH = "toml"'),
    );
    await put('more/b.env', '');
  });
  afterEach(() => rm(root, { recursive: true }));

  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const issues = async (): Promise<readonly string[]> => linesOf(await loadInfra(root));

  test('becomes part of env; what is written in [service.env] wins', async () => {
    await put(
      'web.env',
      '# comment\nexport A=1\nB = two words # not this\nC=\'$x "y"\'\nD="a\\nb"\nE=\nBOTH=file\nF=a#b\r\n',
    );
    await put('more/b.env', 'A=later\n');
    const [service] = valueOf(await loadInfra(root)).desired.services;
    const env = Object.fromEntries(Object.entries(service?.env ?? {}).map(([name, t]) => [name, formatTemplate(t)]));
    expect(env).toEqual({
      A: 'later',
      B: 'two words',
      C: '$x "y"',
      D: 'a\nb',
      E: '',
      F: 'a#b',
      BOTH: 'toml',
      OWN: '1',
    });
  });

  test.each([
    ['A', 'web.env:1:1: is not an entry: write NAME=value'],
    ['A=1\n  9B=2', 'web.env:2:3: "9B" is not the name'],
    ['A="open', 'web.env:1:1: the value of A has no closing quote'],
    ['A=${secrets.X}', 'web.env:1:1: A: secrets are filled in only in [service.env]'],
  ])('%j is refused with its place', async (text, message) => {
    await put('web.env', text);
    expect(await issues()).toEqual([expect.stringContaining(message)]);
  });

  test('that is missing, or leads out of the infra root, is refused', async () => {
    expect(await issues()).toEqual([
      expect.stringContaining('web.env does not exist (env_file is relative to the infra root)'),
    ]);
    await symlink('/etc/hostname', join(root, 'web.env'));
    expect(await issues()).toEqual([expect.stringContaining('web.env is a link that leaves the infra root')]);
    await put('services/web/service.toml', web('env_file = "../x.env"'));
    expect(await issues()).toEqual([expect.stringContaining('../x.env leaves the infra root')]);
  });
});
