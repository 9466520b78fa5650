import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  hideSecrets,
  parseClusterSpec,
  parseDesiredState,
  secretNames,
  type ServiceSpec,
  showSecrets,
} from '@orca/spec';
import { loadInfra } from '@orca/spec/files';
import { cluster, issuesOf, linesOf, ROOT, serviceFile, serviceOf, valueOf, web } from './reading.ts';

const CANARY = 'canary-4711';
const filledWith = (values: Record<string, string>, ...lines: readonly string[]) =>
  parseDesiredState([serviceFile(web(...lines))], {
    root: ROOT,
    cluster: cluster('[security]\nallow_mounts = ["/srv", "/dev"]'),
    secrets: new Map(Object.entries(values)),
  });
const only = (parsed: ReturnType<typeof filledWith>): ServiceSpec => {
  const [spec] = valueOf(parsed).services;
  if (spec === undefined) throw new Error('no service');
  return spec;
};

const roots: string[] = [];
const infra = (files: Readonly<Record<string, string>>): string => {
  const root = mkdtempSync(join(tmpdir(), 'orca-spec-'));
  roots.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
};
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

describe('S8: secrets in any string of service.toml', () => {
  const cases: readonly (readonly [string, unknown, (spec: ServiceSpec) => unknown, unknown])[] = [
    ['pull_policy', '${secrets.X}', (s) => s.pullPolicy, 'never'],
    ['user', '${secrets.X}', (s) => s.user, 'abc'],
    ['hostname', '${secrets.X}', (s) => s.hostname, 'abc'],
    ['network', '${secrets.X}', (s) => s.network, 'abc'],
    ['working_dir', '/x/${secrets.X}', (s) => s.workingDir, '/x/abc'],
    ['mem_limit', '${secrets.X}', (s) => s.resources.memoryBytes, 64 * 2 ** 20],
    ['stop_grace_period', '${secrets.X}', (s) => s.stopGraceMs, 20_000],
    ['restart_policy', '${secrets.X}', (s) => s.restartPolicy.name, 'no'],
    ['aliases', ['${secrets.X}'], (s) => s.aliases, ['abc']],
    ['extra_ports', ['${secrets.X}:80'], (s) => s.publishedPorts[0]?.hostPort, 8080],
    ['mounts', ['/srv/${secrets.X}:/x'], (s) => s.mounts[0]?.source, '/srv/abc'],
    ['labels', { a: '${secrets.X}' }, (s) => s.labels, { a: 'abc' }],
    ['sysctls', { 'net.x': '${secrets.X}' }, (s) => s.sysctls, { 'net.x': 'abc' }],
    ['liveness', { path: '/alive?key=${secrets.X}', port: 80 }, (s) => s.liveness?.path, '/alive?key=abc'],
    [
      'logging',
      { driver: 'splunk', options: { 'splunk-token': '${secrets.X}' } },
      (s) => s.logging?.options,
      { 'splunk-token': 'abc' },
    ],
  ];
  test('image', () => {
    const text = '[[service]]\nname = "web"\nimage = "registry.test/app:${secrets.X}"\n';
    const parsed = parseDesiredState([serviceFile(text)], {
      root: ROOT,
      cluster: undefined,
      secrets: new Map([['X', 'abc']]),
    });
    expect(only(parsed).image).toBe('registry.test/app:abc');
  });

  test.each(cases)('%s', (key, value, get, expected) => {
    const [x = 'abc'] = [typeof expected === 'string' && !expected.includes('abc') ? expected : undefined];
    const given = { mem_limit: '64m', stop_grace_period: '20s', extra_ports: '8080' }[key] ?? x;
    const text = JSON.stringify(value).replaceAll(/"([\w.-]+)":/g, '"$1"=');
    const spec = only(filledWith({ X: given }, `${key} = ${text}`));
    expect(get(spec)).toEqual(expected);
    expect(spec.filled).toEqual(['X']);
    expect(secretNames(spec)).toEqual(['X']);
  });

  test('in env, command and entrypoint the reference stays until a container is made', () => {
    const spec = only(filledWith({ X: 'abc' }, 'command = ["${secrets.X}"]', '[service.env]', 'A = "x${secrets.X}"'));
    expect(spec.env['A']?.parts).toEqual(['x', { secret: 'X' }]);
    expect(spec.filled).toBeUndefined();
    expect(secretNames(spec)).toEqual(['X']);
  });

  test('of a project, escaped, and only once', () => {
    const lines = [
      'hostname = "${secrets.shop.X}"',
      'labels = { a = "$${secrets.X}", b = "${HOME}", c = "${secrets.Y}" }',
    ];
    const spec = only(filledWith({ 'shop.X': 'abc', Y: '${secrets.shop.X}' }, ...lines));
    expect(spec.hostname).toBe('abc');
    expect(spec.labels).toEqual({ a: '${secrets.X}', b: '${HOME}', c: '${secrets.shop.X}' });
  });

  test.each(['name = "a${secrets.X}"', 'project = "${secrets.X}"', 'depends_on = ["${secrets.X}"]'])(
    'not in what a service is called: %s',
    (line) => {
      const text = line.startsWith('name') ? `[[service]]\n${line}\nimage = "a"\n` : web(line);
      expect(issuesOf(text)).toContainEqual(expect.stringContaining('may not hold a secret: it is shown in names'));
    },
  );

  test('a malformed reference is a fault, never text', () => {
    expect(issuesOf(web('hostname = "${secrets.not-a-name}"'))).toContainEqual(
      expect.stringContaining('malformed secret reference'),
    );
  });

  test('no fault shows a value, however it is quoted or cut', () => {
    const long = `${CANARY}-${'x'.repeat(100)}!`;
    for (const value of [`${CANARY}!`, `${CANARY}"\\`, `${CANARY.toUpperCase()} x`, long]) {
      for (const line of ['hostname', 'mem_limit', 'network', 'restart_policy', 'domain', 'pull_policy']) {
        const parsed = filledWith({ X: value }, `${line} = "\${secrets.X}"`, 'port = 80');
        const text = linesOf(parsed).join('\n');
        expect([line, parsed.ok]).toEqual([line, false]);
        expect(text.toLowerCase()).not.toContain('canary');
        expect(text).toMatch(/service\.toml:\d+:\d+/);
      }
    }
  });
});

describe('S8: missing secrets', () => {
  const files = {
    'cluster.toml': '[cluster]\ndomain = "${secrets.DOMAIN}"\n[ai]\napi_key = "${secrets.AI}"\n',
    'services/aa/service.toml': web(
      '',
      'hostname = "${secrets.HOST}"',
      '[service.env]',
      'A = "${secrets.DB}"',
      'B = "${secrets.SET}"',
    ),
    'services/bb/service.toml': '[[service]]\nname = "other"\nimage = "x"\ncommand = ["run",\n  "${secrets.DB}"]\n',
  };
  const secrets = async () => new Map([['SET', 'x']]);

  test('every service, field, file:line and name is known at once, also while the files cannot be read without them', async () => {
    const loaded = await loadInfra(infra(files), undefined, { secrets });
    expect(loaded.ok).toBe(false);
    expect(loaded.ok ? [] : loaded.issues.filter((i) => i.severity === 'error')).toEqual([]);
    const names = new Set(loaded.uses.map((use) => use.name));
    expect([...names].toSorted()).toEqual(['AI', 'DB', 'DOMAIN', 'HOST', 'SET']);
    names.delete('SET');
    expect(loaded.issuesOfMissing(names).map((i) => `${i.severity} ${i.file}:${i.line}:${i.col} ${i.path}`)).toEqual([
      'error cluster.toml:2:1 cluster.domain',
      // Nothing uses it yet: a deploy need not wait for it.
      'warning cluster.toml:4:1 ai.api_key',
      'error services/aa/service.toml:5:1 web: hostname',
      'error services/aa/service.toml:7:1 web: env.A',
      'error services/bb/service.toml:5:3 other: command[1]',
    ]);
  });

  test('with all of them set, the files are as if they had been written out', async () => {
    const all = async () =>
      new Map([
        ['DOMAIN', 'a.test'],
        ['HOST', 'h1'],
        ['DB', 'd'],
        ['SET', 'x'],
        ['AI', 'k'],
      ]);
    const { cluster: read, desired } = valueOf(await loadInfra(infra(files), undefined, { secrets: all }));
    expect(read.domain).toBe('a.test');
    expect(desired.services.map((s) => [s.name, s.hostname])).toEqual([
      ['other', undefined],
      ['web', 'h1'],
    ]);
  });

  test('cluster.toml says which values it needs', () => {
    const file = { path: 'cluster.toml', text: files['cluster.toml'] };
    const parsed = parseClusterSpec(file);
    expect(parsed.ok ? [] : parsed.needed).toEqual(['DOMAIN']);
    expect(linesOf(parsed)).toContainEqual(
      expect.stringContaining('cluster.toml:2:1: cluster.domain: secret DOMAIN is not set'),
    );
    expect(valueOf(parseClusterSpec(file, new Map([['DOMAIN', 'a.test']]))).domain).toBe('a.test');
  });
});

describe('S11: secret files', () => {
  test('a plain name lies in /run/secrets, a path where it says, each with an owner if one is named', () => {
    const spec = serviceOf(
      web(
        '[service.secret_files]',
        'db = "${secrets.DB}"',
        '"/etc/app/key.pem" = { value = "${secrets.KEY}\\n", uid = 999 }',
      ),
    );
    expect(spec.secretFiles).toEqual([
      { target: '/etc/app/key.pem', value: { parts: [{ secret: 'KEY' }, '\n'] }, uid: 999 },
      { target: '/run/secrets/db', value: { parts: [{ secret: 'DB' }] }, uid: undefined },
    ]);
    expect(secretNames(spec)).toEqual(['DB', 'KEY']);
  });

  test.each([
    ['"../x" = "a"', 'is neither the name of a file'],
    ['"/" = "a"', 'is not a path in a container'],
    ['x = { uid = 1 }', 'is required'],
    ['x = { value = "a", uid = -1 }', 'must be a whole number'],
    ['x = { value = "a", mode = "0644" }', 'unknown key "mode"'],
    ['x = ["a"]', 'must be a string'],
  ])('is refused: %s', (line, message) => {
    expect(issuesOf(web('[service.secret_files]', line))).toContainEqual(expect.stringContaining(message));
  });

  test('two things cannot have the same place', () => {
    const lines = ['mounts = ["./a:/run/secrets/x"]', '[service.secret_files]', 'x = "a"'];
    expect(issuesOf(web(...lines))).toContainEqual(expect.stringContaining('the same target /run/secrets/x'));
  });
});

describe('S10: hiding values in what is stored', () => {
  test('gives the data back exactly, and holds no value meanwhile', () => {
    const text = fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', '$', '{', '}', 'x') });
    const values = fc.dictionary(
      fc.constantFrom('A', 'B', 'C'),
      fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom('a', 'b', '$', '{') }),
    );
    const data = fc.record({
      one: text,
      list: fc.array(text),
      deep: fc.dictionary(fc.constantFrom('k', 'l'), text),
      n: fc.nat(),
    });
    fc.assert(
      fc.property(data, values, (given, named) => {
        const known = new Map(Object.entries(named));
        const hidden: unknown = JSON.parse(JSON.stringify(hideSecrets(given, known)));
        expect(showSecrets(hidden, known)).toEqual({ value: given, missing: [] });
      }),
    );
    const hidden = hideSecrets({ url: `https://x/?k=${CANARY}` }, new Map([['K', CANARY]]));
    expect(JSON.stringify(hidden)).not.toContain(CANARY);
    expect(showSecrets(hidden, new Map())).toEqual({ value: { url: 'https://x/?k=' }, missing: ['K'] });
  });
});
