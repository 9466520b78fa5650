import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { impactOf, parseDesiredState, revisionOf, type ServiceSpec, updateOrderOf } from '@orca/spec';
import fc from 'fast-check';
import { serviceOf, web } from './reading.ts';

const INPUTS = { imageId: 'sha256:aa', secretDigests: { A: '1', B: '2' }, generation: 0 };
const full = serviceOf(
  web(
    'port = 80',
    'aliases = ["one", "two"]',
    'mounts = ["./a:/a:ro", "./b:/b:ro"]',
    'command = ["run", "it"]',
    '[service.env]',
    'A = "${secrets.A}"',
    'B = "2"',
  ),
);

/** A different value for every field, to see which ones count. */
const changes: { readonly [K in keyof ServiceSpec]: ServiceSpec[K] } = {
  ...serviceOf(
    web(
      'project = "other"',
      'pull_policy = "never"',
      'command = ["it", "run"]',
      'port = 81',
      'domain = "a.example"',
      'health = "/"',
      'aliases = ["three"]',
      'network = "net"',
      'restart_policy = "no"',
      'stop_grace_secs = 1',
      'stop_signal = "SIGINT"',
      'mounts = ["./c:/c"]',
      '[service.env]',
      'C = "3"',
      '[[service.volumes]]',
      'source = "vol"',
      'target = "/vol"',
      '[service.resources]',
      'cpu = 1',
      '[service.deploy]',
      'drain_secs = 1',
      '[service.backup]',
      'enabled = false',
    ).replace('web:1', 'web:2'),
  ),
  ...composed(),
  replicas: 2,
  name: serviceOf(web().replace('"web"', '"api"')).name,
  dependsOn: [serviceOf(web()).name],
  publishedPorts: serviceOf(web('extra_ports = ["1:1"]')).publishedPorts,
  source: { file: 'services.toml', line: 9 },
  secretFiles: [{ target: '/run/secrets/a', value: { parts: [{ secret: 'A' }] }, uid: undefined }],
  autoRedeploy: true,
  filled: ['A'],
};

/** Every key that Compose has as well. */
function composed(): Partial<ServiceSpec> {
  const spec = serviceOf(
    web(
      'entrypoint = ["/init"]',
      'user = "app"',
      'working_dir = "/srv"',
      'hostname = "web"',
      'init = true',
      'tmpfs = "/run"',
      'shm_size = "64m"',
      'cap_add = ["NET_ADMIN"]',
      'cap_drop = ["ALL"]',
      'devices = ["/dev/fuse"]',
      'gpus = "all"',
      'extra_hosts = ["db:10.0.0.1"]',
      'dns = "1.1.1.1"',
      'env_file = "./web.env"',
      'read_only = true',
      'privileged = true',
      'internal = true',
      'shared_volume = true',
      'ulimits = { nofile = 1024 }',
      'sysctls = { "net.core.somaxconn" = 1024 }',
      'labels = { team = "web" }',
      '[service.logging]',
      'driver = "local"',
    ),
    '[security]\nallow_mounts = ["/dev/fuse"]',
  );
  const plain = serviceOf(web());
  return Object.fromEntries(
    Object.entries(spec).filter(
      ([name]) => JSON.stringify(Reflect.get(plain, name)) !== JSON.stringify(Reflect.get(spec, name)),
    ),
  );
}

const fields = Object.entries(impactOf);

describe('6: a revision', () => {
  test('is versioned and short enough for a label', () => {
    expect(revisionOf(full, INPUTS)).toMatch(/^h1:[0-9a-f]{32}$/);
  });

  test('is this one, until its version changes', () => {
    expect(revisionOf(full, INPUTS)).toMatchInlineSnapshot(`"h1:a2d6ecb81853216522fbc52d3e7ba6f4"`);
  });

  test('of a service that uses none of the newer keys stays what it was in earlier versions', () => {
    // What changes these lines restarts every container of every user at their next deploy.
    const text = readFileSync(
      join(import.meta.dirname, '../../../examples/keycloak/services/keycloak/service.toml'),
      'utf8',
    );
    const parsed = parseDesiredState([{ path: 'services/keycloak/service.toml', text }], {
      root: '/',
      cluster: undefined,
    });
    const services = parsed.ok ? parsed.value.services : [];
    expect(Object.fromEntries(services.map((spec) => [spec.name, revisionOf(spec, INPUTS)]))).toEqual({
      keycloak: 'h1:92d0065f63f7c18cebfb50ef9e499fed',
      'keycloak-db': 'h1:a329d8a53313a6f7f988829f89c1d26e',
    });
  });

  test.each(fields)('when %s changes, the impact is %s and the revision agrees', (field, impact) => {
    const changed = { ...full, [field]: Reflect.get(changes, field) };
    expect(changed).not.toEqual(full);
    expect(revisionOf(changed, INPUTS) === revisionOf(full, INPUTS)).toBe(impact !== 'recreate');
  });

  test.each([
    { imageId: 'sha256:bb' },
    { secretDigests: { A: '1', B: '3' } },
    { secretDigests: { A: '1' } },
    { generation: 1 },
  ])('changes with its input %j', (input) => {
    expect(revisionOf(full, { ...INPUTS, ...input })).not.toBe(revisionOf(full, INPUTS));
  });

  test('does not depend on the order of keys, nor on the order of lists that are sets', () => {
    const shuffled = fc.tuple(
      permutation(Object.entries(full)),
      permutation(Object.entries(full.env)),
      permutation(full.mounts),
      permutation(full.aliases),
      permutation(Object.entries(INPUTS.secretDigests)),
    );
    fc.assert(
      fc.property(shuffled, ([entries, env, mounts, aliases, digests]) => {
        const spec: ServiceSpec = {
          ...full,
          ...Object.fromEntries(entries),
          env: Object.fromEntries(env),
          mounts,
          aliases,
        };
        const inputs = { ...INPUTS, secretDigests: Object.fromEntries(digests) };
        expect(revisionOf(spec, inputs)).toBe(revisionOf(full, INPUTS));
      }),
    );
  });

  test('does not depend on the order of capabilities, devices, limits and files in memory', () => {
    const of = (reorder: (lines: string[]) => string[]): string => {
      const list = (...items: string[]): string => `[${reorder(items).join(', ')}]`;
      const text = web(
        `cap_add = ${list('"NET_ADMIN"', '"SYS_TIME"')}`,
        `cap_drop = ${list('"CHOWN"', '"KILL"')}`,
        `devices = ${list('"/dev/fuse"', '"/dev/null:/dev/none"')}`,
        `tmpfs = ${list('"/run"', '"/tmp"')}`,
        `ulimits = { ${reorder(['nofile = 1024', 'nproc = 99']).join(', ')} }`,
        '[service.secret_files]',
        ...reorder(['a = "${secrets.A}"', 'b = "${secrets.B}"']),
      );
      return revisionOf(serviceOf(text, '[security]\nallow_mounts = ["/dev/fuse", "/dev/null"]'), INPUTS);
    };
    expect(of((lines) => lines.toReversed())).toBe(of((lines) => lines));
  });

  test('depends on the order of name servers: the first is asked first', () => {
    const of = (dns: string): string => revisionOf(serviceOf(web(`dns = ${dns}`)), INPUTS);
    expect(of('["1.1.1.1", "9.9.9.9"]')).not.toBe(of('["9.9.9.9", "1.1.1.1"]'));
  });

  test('depends on the order of what a variable is made of, whatever its name', () => {
    const of = (text: string): string =>
      revisionOf(serviceOf(web('[service.env]', `volumes = "${text}"`)), { ...INPUTS, secretDigests: {} });
    expect(of('${secrets.A}-x')).not.toBe(of('-x${secrets.A}'));
  });

  test('depends on the order of a command', () => {
    expect(revisionOf({ ...full, command: full.command?.toReversed() }, INPUTS)).not.toBe(revisionOf(full, INPUTS));
  });
});

describe('the order of an update', () => {
  test.each([
    ['', 'start-first', 'nothing is shared between old and new'],
    ['extra_ports = ["9000:80"]', 'stop-first', 'host port 9000 cannot be shared'],
    ['[service.volume]\npath = "/data"', 'stop-first', 'volume orca-web-data has one writer at a time'],
    ['mounts = ["./a:/a"]', 'stop-first', 'mount /a has one writer at a time'],
    ['mounts = ["./a:/a:ro"]', 'start-first', 'nothing is shared between old and new'],
    ['[service.deploy]\norder = "stop-first"', 'stop-first', 'deploy.order asks for stop-first'],
    ['[service.deploy]\norder = "start-first"', 'start-first', 'deploy.order asks for start-first'],
  ])('%j is %s', (lines, kind, reason) => {
    expect(updateOrderOf(serviceOf(web(lines)))).toEqual({ kind, reason });
  });
});

function permutation<T>(items: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length });
}
