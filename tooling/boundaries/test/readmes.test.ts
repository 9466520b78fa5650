import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '../../..');
const packages = globSync('packages/*/README.md', { cwd: root }).map((path) => basename(dirname(path)));

/** What a README shows as a whole program: it begins with what it imports. Others are parts, and name their surroundings. */
const programsOf = (name: string): readonly string[] =>
  [...readFileSync(join(root, 'packages', name, 'README.md'), 'utf8').matchAll(/```ts\n(.*?)```/gs)]
    .map(([, text = '']) => text)
    .filter((text) => /^(?:\/\/ example\n)?import /.test(text));

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'orca-readmes-'));
  mkdirSync(join(dir, 'node_modules/@orca'), { recursive: true });
  for (const name of packages) symlinkSync(join(root, 'packages', name), join(dir, 'node_modules/@orca', name));
  symlinkSync(join(root, 'node_modules/@types'), join(dir, 'node_modules/@types'));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
});
afterEach(() => rmSync(dir, { recursive: true }));

test('what a README shows as a program compiles against the sources', () => {
  const names = packages.flatMap((name) =>
    programsOf(name).map((text, index) => {
      const file = `${name}-${index + 1}.ts`;
      writeFileSync(join(dir, file), text);
      return file;
    }),
  );
  expect(names.length).toBeGreaterThan(8);
  const compilerOptions = {
    noEmit: true,
    composite: false,
    isolatedDeclarations: false,
    typeRoots: ['node_modules/@types'],
  };
  const config = { extends: join(root, 'tooling/tsconfig/base.json'), compilerOptions, files: names };
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config));
  const { stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', dir, '--pretty', 'false'], {
    cwd: dir,
    encoding: 'utf8',
  });
  expect(`${stdout}${stderr}`).toBe('');
});
