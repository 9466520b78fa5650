import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { issuesOf, web } from './reading.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/service-toml.md'), 'utf8');

/** The message for a key that is like no other lists them all. */
const keysOf = (table: string): readonly string[] => {
  const issue = issuesOf(web('port = 80', table, 'zzzzzzzzzzzzzzzzzzzzzzz = 1')).join('\n');
  return /known keys: (.*)$/m.exec(issue)?.[1]?.split(', ') ?? [];
};

describe('docs/service-toml.md', () => {
  test.each(['', '[service.deploy]', '[service.logging]', '[service.liveness]', '[service.backup]', '[service.proxy]'])(
    'names every key of %j',
    (table) => {
      const keys = keysOf(table);
      expect(keys.length).toBeGreaterThan(1);
      const isNamed = (key: string): boolean =>
        page.includes(`\`${key}\``) || page.includes(`service.${key}]`) || page.includes(`\`${key} = `);
      expect(keys.filter((key) => !isNamed(key))).toEqual([]);
    },
  );
});
