import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const repository = join(import.meta.dirname, '../../..');
const page = readFileSync(join(repository, 'docs/proxy.md'), 'utf8');
const rows = page
  .split('\n')
  .map((line) => /^\| P(?<number>\d+) \| [^|]+ \| (?<tests>[^|]*) \|$/.exec(line)?.groups)
  .filter((groups) => groups !== undefined);

test('docs/proxy.md names tests that are there and carry the number', () => {
  const untrue = rows.flatMap(({ number, tests = '' }) =>
    tests.split(', ').flatMap((name) => {
      const file = name.replaceAll('`', '');
      const path = file.includes('/test/') || file.startsWith('test/') ? file : join('packages/proxy/test', file);
      return new RegExp(`\\bP${number}\\b`).test(textOf(join(repository, path))) ? [] : [`P${number} ${name}`];
    }),
  );
  expect(untrue).toEqual([]);
});

test('docs/proxy.md names a test for each of the seventy statements', () => {
  expect(rows.map(({ number }) => Number(number))).toEqual(Array.from({ length: 70 }, (_, i) => i + 1));
});

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
