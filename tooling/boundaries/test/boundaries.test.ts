import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { checkBoundaries } from '../src/check.ts';
import { edges, type Edges } from '../src/edges.ts';

test('no package imports what the table of allowed imports does not list', () => {
  expect(checkBoundaries(join(import.meta.dirname, '../../..'), edges)).toEqual([]);
});

test('no package imports an app, and packages import each other in one direction', () => {
  const visit = (directory: string, path: readonly string[]): void => {
    expect(path).not.toContain(directory);
    const { imports, onDemand = [] } = edges[directory] ?? { imports: [] };
    if (directory.startsWith('packages/')) expect([...imports, ...onDemand].join()).not.toContain('apps/');
    for (const next of [...imports, ...onDemand]) visit(next, [...path, directory]);
  };
  for (const directory of Object.keys(edges)) visit(directory, []);
});

describe('the check of boundaries', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'orca-boundaries-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const table: Readonly<Record<string, Edges>> = {
    'packages/a': { imports: [] },
    'packages/b': { imports: ['packages/a'] },
    'apps/c': { imports: [], onDemand: ['packages/b'], onDemandFiles: ['src/later.ts'] },
  };
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  /** A workspace that the table allows, with one more file in it. */
  const faultsWith = (path: string, text: string): readonly string[] => {
    write('packages/a/package.json', '{"name":"@orca/a"}');
    write('packages/b/package.json', '{"name":"@orca/b","dependencies":{"@orca/a":"workspace:^"}}');
    write('packages/b/src/index.ts', `import { a } from '@orca/a';\nimport { x } from './x.ts';`);
    write('apps/c/package.json', '{"name":"@orca/c","devDependencies":{"@orca/b":"workspace:^"}}');
    write('apps/c/src/later.ts', `export { b } from '@orca/b';`);
    write('apps/c/src/main.ts', `import type { B } from '@orca/b';\nconst { b } = await import('@orca/b');`);
    write(path, text);
    return checkBoundaries(root, table);
  };

  test('has nothing to say about a workspace that keeps to the table', () => {
    expect(faultsWith('packages/a/src/index.ts', `import { readFile } from 'node:fs';`)).toEqual([]);
  });

  test.each([
    ['an import', `import { b } from '@orca/b';`],
    ['an import over several lines', `import {\n  b,\n} from "@orca/b";`],
    ['an import of a type', `import type { B } from '@orca/b';`],
    ['an import of a subpath', `import { b } from '@orca/b/testing';`],
    ['an import for its effect', `import '@orca/b';`],
    ['an import on demand', `const b = await import('@orca/b');`],
    ['an export', `export { b } from '@orca/b';`],
    ['an export of everything', `export * as b from '@orca/b';`],
    ['a type in place', `export type B = import('@orca/b').B;`],
    ['a require', `const b = require('@orca/b');`],
    ['one after another import without a semicolon', `import { x } from './x.ts'\nimport { b } from '@orca/b'`],
  ])('finds an unlisted edge in %s', (_what, text) => {
    expect(faultsWith('packages/a/src/deep/index.ts', text)).toEqual([
      expect.stringMatching(/^packages\/a\/src\/deep\/index\.ts imports @orca\/b/),
    ]);
  });

  test('finds a dependency that is declared and not listed', () => {
    expect(faultsWith('packages/a/package.json', '{"name":"@orca/a","devDependencies":{"@orca/b":"*"}}')).toEqual([
      'packages/a/package.json depends on packages/b',
    ]);
  });

  test('finds an edge that is listed and no longer declared', () => {
    expect(faultsWith('packages/b/package.json', '{"name":"@orca/b"}')).toEqual([
      'packages/b may import packages/a, but its package.json does not ask for it',
    ]);
  });

  test.each(['src', 'test', 'examples'])('finds a path from %s into another package', (part) => {
    expect(faultsWith(`packages/a/${part}/index.ts`, `import { b } from '../../b/src/index.ts';`)).toEqual([
      `packages/a/${part}/index.ts reaches out of its package: ../../b/src/index.ts`,
    ]);
  });

  test('finds sources that use their tests, or tooling', () => {
    expect(faultsWith('packages/a/src/x.ts', `import { x } from '../test/x.ts';`)).toHaveLength(1);
    expect(faultsWith('packages/a/src/x.ts', `import { x } from '@orca/tooling-testbed';`)).toHaveLength(1);
  });

  test('finds an import at the start of what is to be loaded on demand', () => {
    expect(faultsWith('apps/c/src/main.ts', `import { b } from '@orca/b';`)).toEqual([
      'apps/c/src/main.ts imports @orca/b at its start, instead of on demand',
    ]);
    expect(faultsWith('apps/c/src/main.ts', `import { type B } from '@orca/b';`)).toHaveLength(1);
  });

  test('finds a package that nobody decided about, and one that is gone', () => {
    expect(faultsWith('packages/new/package.json', '{"name":"@orca/new"}')).toEqual([
      'packages/new is not in the table of allowed imports',
    ]);
    expect(
      checkBoundaries(root, { ...table, 'packages/new': { imports: [] }, 'packages/old': { imports: [] } }),
    ).toEqual(['packages/old is listed but not there']);
  });
});
