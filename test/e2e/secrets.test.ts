import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureImages, waitFor } from '@orca/tooling-testbed';
import { docker, Orca, patienceMs, run } from './orca.ts';

const image = 'orca-test/app:1';
const service = (name: string, ...lines: readonly string[]): string =>
  [`[[service]]`, `name = "${name}"`, `image = "${image}"`, 'port = 8080', ...lines, ''].join('\n');
const quick = ['[service.deploy]', 'min_healthy_secs = 0'];

interface State {
  readonly name: string;
  readonly upToDate: boolean;
  readonly status: string;
  readonly staleSecrets: readonly string[];
}

/** Mounted files need a file system in memory; every Linux has this one. */
const memory = mkdtempSync('/dev/shm/orca-e2e-');

describe('secrets, from the command to the container', () => {
  let orca: Orca;
  const set = async (name: string, value: string): Promise<string> => {
    const { code, stdout, stderr } = await orca.orca(['secrets', 'set', name], { input: `${value}\n` });
    expect([code, stderr]).toEqual([0, '']);
    return stdout;
  };
  const states = async (): Promise<readonly State[]> =>
    JSON.parse((await orca.orca(['status', '--json'])).stdout).services;
  const stateOf = async (name: string): Promise<State | undefined> => (await states()).find((s) => s.name === name);
  const inside = (name: string, ...command: readonly string[]): Promise<string> =>
    docker('exec', `orca-${name}`, ...command);
  const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
    await waitFor(() => isSo().catch(() => false), { what, timeoutMs: patienceMs, everyMs: 200 });
  };

  beforeAll(async () => {
    await ensureImages([image]);
    process.env['ORCA_RUN_DIR'] = memory;
    orca = await Orca.create('e2e-secrets');
    await orca.start();
  });
  afterAll(async () => {
    delete process.env['ORCA_RUN_DIR'];
    await orca.dispose();
    rmSync(memory, { recursive: true, force: true });
  });

  it('S8: a missing name refuses the whole deploy, with every place that needs it, and where somebody put it instead', async () => {
    orca.write('services/one/service.toml', service('e2e-s-one', ...quick, '[service.env]', 'A = "${secrets.S_DB}"'));
    orca.write(
      'services/two/service.toml',
      service('e2e-s-two', 'hostname = "h-${secrets.S_HOST}"', 'command = ["${secrets.S_DB}"]'),
    );
    orca.write('services/three/service.toml', service('e2e-s-three'));
    orca.write('services/secrets.json', '{}');
    const refused = await orca.orca(['deploy'], { cwd: join(orca.root, 'services') });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('services/one/service.toml:8:1: e2e-s-one: env.A: secret S_DB is not set');
    expect(refused.stderr).toContain('services/two/service.toml:5:1: e2e-s-two: hostname: secret S_HOST is not set');
    expect(refused.stderr).toContain('services/two/service.toml:6:12: e2e-s-two: command[0]: secret S_DB is not set');
    expect(await orca.containers()).toEqual([]);
    const listed = await orca.orca(['secrets', 'list'], { cwd: join(orca.root, 'services') });
    expect(listed.stderr).toContain('services/secrets.json is not read');
    for (const path of ['services/secrets.json', 'services/two', 'services/three']) orca.delete(path);
  });

  it('S8: is filled in once, in env and in any other field, and shows in no other place', async () => {
    await set('S_DB', 'value-of-${secrets.S_DB}');
    await set('S_HOST', 'host4711');
    orca.write(
      'services/one/service.toml',
      service(
        'e2e-s-one',
        'hostname = "h-${secrets.S_HOST}"',
        ...quick,
        '[service.env]',
        'A = "${secrets.S_DB}"',
        'B = "$${secrets.S_DB}"',
      ),
    );
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    expect(await inside('e2e-s-one', 'sh', '-c', 'echo "$A|$B|$(hostname)"')).toBe(
      'value-of-${secrets.S_DB}|${secrets.S_DB}|h-host4711',
    );
    for (const file of ['orca.db', 'orca.db-wal', 'orca.log'])
      expect(readFileSync(join(orca.home, file)).includes('host4711')).toBe(false);
    const before = await orca.identity('orca-e2e-s-one');
    await orca.end('SIGKILL');
    await orca.start();
    expect((await orca.orca(['deploy'])).stdout).toMatch(/nothing to do/);
    expect(await orca.identity('orca-e2e-s-one')).toBe(before);
  });

  it('a changed value shows in status and plan, and a deploy recreates exactly who uses it; the same value changes nothing', async () => {
    orca.write(
      'services/other/service.toml',
      service('e2e-s-other', ...quick, '[service.env]', 'A = "${secrets.S_OTHER}"'),
    );
    await set('S_OTHER', 'other-value');
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    const [one, other] = [await orca.identity('orca-e2e-s-one'), await orca.identity('orca-e2e-s-other')];
    expect(await set('S_DB', 'value-of-${secrets.S_DB}')).toBe('S_DB unchanged\n');
    expect((await stateOf('e2e-s-one'))?.upToDate).toBe(true);
    expect(await set('S_DB', 'newer-value')).toBe('S_DB changed; takes effect with: orca deploy e2e-s-one\n');
    expect(await stateOf('e2e-s-one')).toMatchObject({ upToDate: false, staleSecrets: ['S_DB'], status: 'running' });
    expect(await stateOf('e2e-s-other')).toMatchObject({ upToDate: true, staleSecrets: [] });
    expect((await orca.orca(['status'])).stdout).toMatch(/S_DB changed since it was deployed; orca deploy e2e-s-one/);
    const plan = await orca.orca(['plan']);
    expect(plan.stdout).toMatch(/e2e-s-one +create +\(secret S_DB changed; start-first/);
    expect(plan.stdout).not.toMatch(/e2e-s-other +create/);
    expect(await orca.identity('orca-e2e-s-one')).toBe(one);
    expect((await orca.orca(['deploy', 'e2e-s-one'])).stdout).toContain('1 recreated');
    expect(await inside('e2e-s-one', 'sh', '-c', 'echo "$A"')).toBe('newer-value');
    expect(await orca.identity('orca-e2e-s-other')).toBe(other);
    expect(await stateOf('e2e-s-one')).toMatchObject({ upToDate: true, staleSecrets: [] });
  });

  it('with auto_redeploy a changed value is taken into use by itself, also one set while the server was down, and edited files are not', async () => {
    orca.write(
      'services/auto/service.toml',
      service(
        'e2e-s-auto',
        'auto_redeploy = true',
        'hostname = "h-${secrets.S_HOST}"',
        ...quick,
        '[service.env]',
        'A = "${secrets.S_AUTO}"',
      ),
    );
    await set('S_AUTO', 'first-value');
    expect(await orca.orca(['deploy', 'e2e-s-auto'])).toMatchObject({ code: 0 });
    const one = await orca.identity('orca-e2e-s-one');
    orca.write(
      'services/auto/service.toml',
      service('e2e-s-auto', 'auto_redeploy = true', '[service.env]', 'A = "edited"'),
    );
    await set('S_AUTO', 'second-value');
    await until(
      'the second value is in use',
      async () => (await inside('e2e-s-auto', 'sh', '-c', 'echo "$A"')) === 'second-value',
    );
    await orca.end('SIGKILL');
    await set('S_HOST', 'host4712');
    await orca.start();
    await until('the new host name is in use', async () => (await inside('e2e-s-auto', 'hostname')) === 'h-host4712');
    await until(
      'one container is left',
      async () => (await orca.containers()).filter((n) => n.includes('auto')).length === 1,
    );
    expect(await orca.identity('orca-e2e-s-one')).toBe(one);
  });

  it('S11: secret files are in memory, read-only, and their user’s alone; the environment and the engine do not show them', async () => {
    await set('S_FILE', 'in-a-file');
    orca.write(
      'services/files/service.toml',
      service(
        'e2e-s-files',
        'user = "nobody"',
        ...quick,
        '[service.env]',
        'DB_PASSWORD_FILE = "/run/secrets/db"',
        '[service.secret_files]',
        'db = "${secrets.S_FILE}\\n"',
        '"/etc/app.key" = { value = "k-${secrets.S_FILE}", uid = 4711 }',
      ),
    );
    expect(await orca.orca(['deploy', 'e2e-s-files'])).toMatchObject({ code: 0 });
    expect(await inside('e2e-s-files', 'cat', '/run/secrets/db')).toBe('in-a-file');
    expect(await inside('e2e-s-files', 'stat', '-c', '%a %u', '/run/secrets/db')).toBe('400 65534');
    expect(await inside('e2e-s-files', 'stat', '-c', '%a %u', '/etc/app.key')).toBe('400 4711');
    await expect(inside('e2e-s-files', 'cat', '/etc/app.key')).rejects.toThrow('Permission denied');
    await expect(inside('e2e-s-files', 'sh', '-c', 'echo x > /run/secrets/db')).rejects.toThrow(/denied|Read-only/);
    expect(await docker('inspect', 'orca-e2e-s-files')).not.toContain('in-a-file');
  });

  it('S11: after a restart of the machine the engine cannot start it, and orca writes the files anew and does', async () => {
    await orca.end('SIGKILL');
    await docker('kill', 'orca-e2e-s-files');
    for (const name of readdirSync(memory)) rmSync(join(memory, name), { recursive: true });
    await expect(docker('start', 'orca-e2e-s-files')).rejects.toThrow(/bind source path does not exist|no such file/);
    await orca.start();
    await until('it runs again', async () => (await stateOf('e2e-s-files'))?.status === 'running');
    expect(await inside('e2e-s-files', 'cat', '/run/secrets/db')).toBe('in-a-file');
    expect(await inside('e2e-s-files', 'stat', '-c', '%a %u', '/run/secrets/db')).toBe('400 65534');
    expect((await orca.orca(['deploy', 'e2e-s-files'])).stdout).toMatch(/nothing to do/);
  });

  it('S11: files go with their container, and a replaced one keeps its own until then', async () => {
    const instances = (): readonly string[] => readdirSync(join(memory, 'e2e-secrets'));
    expect(instances()).toHaveLength(1);
    const [before] = instances();
    await set('S_FILE', 'another-value');
    expect((await orca.orca(['deploy', 'e2e-s-files'])).stdout).toContain('1 recreated');
    expect(await inside('e2e-s-files', 'cat', '/run/secrets/db')).toBe('another-value');
    expect(instances()).toHaveLength(1);
    expect(instances()).not.toContain(before);
    orca.delete('services/files');
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    expect(instances()).toEqual([]);
  });

  it('S3, S13: an older file and one that git tracks refuse a deploy, say what to do, and touch nothing', async () => {
    const one = await orca.identity('orca-e2e-s-one');
    const older = orca.read('secrets.json');
    await set('S_DB', 'newest-value');
    writeFileSync(join(orca.root, 'secrets.json'), older);
    const refused = await orca.orca(['deploy']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /secrets\.json:1:1: .*older than what was seen here.*orca secrets verify --accept-older/,
    );
    expect((await orca.orca(['status'])).stdout).toMatch(/e2e-s-one/);
    expect(await orca.orca(['secrets', 'verify', '--accept-older'])).toMatchObject({ code: 0 });
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    orca.write('.env', 'PASSWORD=newer-value\n');
    await run('git', ['init', '-q'], { cwd: orca.root });
    await run('git', ['add', '-f', '.env'], { cwd: orca.root });
    const tracked = await orca.orca(['deploy']);
    expect(tracked.code).toBe(1);
    expect(tracked.stderr).toMatch(/git tracks .*\.env, which must never be committed.*git rm --cached/);
    await run('git', ['rm', '-q', '--cached', '.env'], { cwd: orca.root });
    expect(await orca.orca(['deploy'])).toMatchObject({ code: 0 });
    expect(await orca.identity('orca-e2e-s-one')).toBe(one);
    expect(orca.read('.gitignore')).toMatch(/^master\.key$/m);
  });

  it('S1: new keys restart nothing, and a server that runs goes on with them', async () => {
    const before = await orca.identity('orca-e2e-s-one');
    expect(await orca.orca(['secrets', 'rotate-key'])).toMatchObject({ code: 0 });
    expect((await orca.orca(['deploy'])).stdout).toMatch(/nothing to do/);
    expect(await orca.identity('orca-e2e-s-one')).toBe(before);
  });
});
