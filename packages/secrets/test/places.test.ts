import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { assertNotTracked, findStrayFiles, findTracked, SecretValue } from '@orca/secrets';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orca-places-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (path: string, text: string): void => {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
};
const git = (...args: readonly string[]): void => void execFileSync('git', args, { cwd: root });
const tracked = (home = root): Promise<readonly string[]> =>
  findTracked({
    root,
    keyPath: join(home, 'master.key'),
    values: [SecretValue.of('hunter22'), SecretValue.of('short')],
  });

describe('S13: what git must not keep', () => {
  test('is a key by any of its names, and a file of settings that holds a value; whatever is not tracked is nobody’s business', async () => {
    write('master.key', 'x');
    write('keys/master.key.ab12cd34', 'x');
    write('.env', 'A=hunter22');
    write('deploy/prod.env', 'A=short');
    write('secrets.plain.json', '{"A":"hunter22"}');
    write('secrets.json', '{"format":"orca-secrets/2"}');
    write('secrets-old', 'orca-master-key-1 AAAA\n');
    write('README.md', 'the word hunter22 in a text is for a person to judge');
    expect(await tracked()).toEqual([]);
    git('init', '-q');
    expect(await tracked()).toEqual([]);
    git('add', '-A');
    const paths = ['.env', 'keys/master.key.ab12cd34', 'master.key', 'secrets-old', 'secrets.plain.json'];
    expect(await tracked()).toEqual(paths.map((path) => join(root, path)));
    await expect(
      assertNotTracked({ root, keyPath: join(root, 'master.key'), values: [SecretValue.of('hunter22')] }),
    ).rejects.toMatchObject({
      code: 'ORCA_SECRETS_TRACKED',
      message: expect.stringMatching(/git rm --cached .*\.env/),
    });
    git('rm', '-q', '--cached', ...paths);
    expect(await tracked()).toEqual([]);
  });

  test('is found in a repository around the infra root, and in one around the home', async () => {
    write('infra/cluster.toml', '');
    write('home/master.key', 'x');
    git('init', '-q');
    git('add', '-A');
    const keyPath = join(root, 'home', 'master.key');
    expect(await findTracked({ root: join(root, 'infra'), keyPath, values: [] })).toEqual([keyPath]);
  });

  test('is looked for without running anything that the repository configures', async () => {
    write('.env', 'A=hunter22');
    git('init', '-q');
    git('add', '-A');
    const proof = join(root, 'ran');
    write('hook.sh', `#!/bin/sh\ntouch ${proof}\n`);
    execFileSync('chmod', ['+x', join(root, 'hook.sh')]);
    git('config', 'core.fsmonitor', join(root, 'hook.sh'));
    expect(await tracked()).toEqual([join(root, '.env')]);
    expect(() => readFileSync(proof)).toThrow('ENOENT');
  });
});

describe('S7: a secrets file in the wrong place', () => {
  test('is named: where the user stands, above up to the root, and where else they may have stood', async () => {
    for (const path of [
      'infra/secrets.json',
      'infra/a/secrets.json',
      'infra/a/b/secrets.json',
      'home/secrets.json',
      'secrets.json',
    ])
      write(path, '{}');
    const path = join(root, 'infra', 'secrets.json');
    expect(await findStrayFiles(path, [join(root, 'infra/a/b'), join(root, 'home')])).toEqual(
      ['home/secrets.json', 'infra/a/b/secrets.json', 'infra/a/secrets.json'].map((p) => join(root, p)),
    );
  });

  test('is not the one that is read, by whatever way one comes there', async () => {
    write('infra/secrets.json', '{}');
    symlinkSync(join(root, 'infra'), join(root, 'link'));
    const path = join(root, 'infra', 'secrets.json');
    expect(await findStrayFiles(path, [join(root, 'infra'), join(root, 'link'), join(root, 'nowhere')])).toEqual([]);
  });
});
