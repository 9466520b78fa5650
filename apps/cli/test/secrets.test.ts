import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const main = resolve(import.meta.dirname, '../src/main.ts');
const CANARY = 'canary-4711';
let dir: string;
let root: string;

/** The command as its user runs it, from the sources, in a pipe. */
const secrets = (
  args: readonly string[],
  input = '',
  cwd = root,
): { code: number | null; out: string; err: string } => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@orca/source', '--disable-warning=ExperimentalWarning', main, 'secrets', ...args],
    { cwd, input, encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: dir, NO_COLOR: '1' } },
  );
  return { code: status, out: stdout, err: stderr };
};

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'orca-cli-'));
  root = join(dir, 'infra');
  mkdirSync(join(root, 'services/shop'), { recursive: true });
  writeFileSync(join(root, 'cluster.toml'), '[cluster]\ndomain = "${secrets.DOMAIN}"\n');
  writeFileSync(
    join(root, 'services/shop/service.toml'),
    '[[service]]\nname = "web"\nimage = "a:1"\nhostname = "${secrets.HOST}"\n[service.env]\nA = "${secrets.DB}"\n',
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('orca secrets', () => {
  it('S7, S9: set writes beside cluster.toml wherever one stands, keeps keys out of git, and warns of the history', () => {
    expect(secrets(['set', 'DB', '-'], `${CANARY}\n`, join(root, 'services/shop'))).toEqual({
      code: 0,
      out: 'DB created\n',
      err: '',
    });
    expect(readFileSync(join(root, 'secrets.json'), 'utf8')).not.toContain(CANARY);
    expect(readFileSync(join(root, '.gitignore'), 'utf8').split('\n')).toEqual(
      expect.arrayContaining(['master.key', 'master.key.*']),
    );
    const asArgument = secrets(['set', 'DB', `${CANARY}-2`]);
    expect(asArgument).toMatchObject({ code: 0, out: 'DB changed; takes effect with: orca deploy web\n' });
    expect(asArgument.err).toMatch(/now in your shell's history; safer: orca secrets set DB -/);
    expect(secrets(['set', 'DB', '-'], `${CANARY}-2`).out).toBe('DB unchanged\n');
    expect(secrets(['set', 'not-a-name', 'x']).code).toBe(2);
    expect(secrets(['set', 'EMPTY', '-'], '\n')).toMatchObject({ code: 1, err: expect.stringContaining('empty') });
  });

  it('S12: list shows names, revisions, ages and who uses them, and never a value', () => {
    secrets(['set', 'UNUSED', '-'], 'x');
    secrets(['set', 'DOMAIN', '-'], 'a.test');
    const { code, out } = secrets(['list']);
    // How long ago that was depends on the machine.
    const lines = out.split('\n').map((line) =>
      line
        .replace(/ \d+m /, ' (age) ')
        .split(/ {2,}/)
        .join('|'),
    );
    expect([code, lines]).toEqual([
      0,
      ['NAME|REV|AGE|USED BY', 'DB|2|(age)|web', 'DOMAIN|1|(age)|cluster.toml', 'UNUSED|1|(age)|-', ''],
    ]);
    const json: unknown = JSON.parse(secrets(['list', '--json']).out);
    expect(json).toMatchObject([{ name: 'DB', rev: 2, consumers: ['web'] }, { name: 'DOMAIN' }, { name: 'UNUSED' }]);
    expect(JSON.stringify(json)).not.toContain(CANARY);
  });

  it('rm refuses while something uses it, and takes --force for an answer', () => {
    expect(secrets(['rm', 'DB'])).toMatchObject({ code: 1, err: expect.stringMatching(/DB is used by web.*--force/) });
    expect(secrets(['remove', 'UNUSED'])).toMatchObject({ code: 0, out: 'UNUSED removed\n' });
    expect(secrets(['rm', 'UNUSED'])).toMatchObject({ code: 1, err: expect.stringContaining('there is no secret') });
    expect(secrets(['rm', 'DOMAIN', '--force']).code).toBe(0);
  });

  it('import takes a whole .env file or nothing of it, and says what to do with the file', () => {
    writeFileSync(join(root, '.env'), '# a comment\nexport ONE="a b"\nTWO=2\nbroken line\n');
    expect(secrets(['import', '-f', '.env'])).toMatchObject({ code: 1, err: expect.stringContaining('.env:4:1') });
    expect(secrets(['list']).out).not.toContain('ONE');
    writeFileSync(join(root, '.env'), '# a comment\nexport ONE="a b"\nTWO=2\n');
    expect(secrets(['import', '-f', '.env'])).toMatchObject({
      code: 0,
      out: 'ONE created\nTWO created\n',
      err: expect.stringContaining('rm .env'),
    });
    expect(secrets(['import', '-f', '-'], 'TWO=2\n').out).toBe('TWO unchanged\n');
  });

  it('S1, S4: verify says that all is whole, or what is not; keys rotate; values are never written out', () => {
    expect(secrets(['verify'])).toMatchObject({ code: 0, out: expect.stringMatching(/whole; 3 secrets, generation/) });
    expect(secrets(['rotate-key', '--json']).code).toBe(0);
    expect(secrets(['verify', '--json']).out).toContain('"count": 3');
    expect(secrets(['export']).code).toBe(2);
    const sheet = secrets(['export', '--recovery']);
    expect(sheet.err).toContain('holds the master key');
    expect(sheet.out).toContain(readFileSync(join(dir, '.orca/master.key'), 'utf8').trim());
    expect(sheet.out).not.toContain(CANARY);
    writeFileSync(join(root, 'secrets.json'), '{"format":"orca-secrets/1"}');
    expect(secrets(['verify'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('its format is not orca-secrets/2'),
    });
    expect(readFileSync(join(root, 'secrets.json'), 'utf8')).toBe('{"format":"orca-secrets/1"}');
  });
});
