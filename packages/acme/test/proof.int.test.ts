import { describe, expect, test } from '@jest/globals';
import { lines } from './proof/main.ts';

/** What `pnpm proof:acme --short` prints. */
describe('against a real authority', () => {
  test.each(lines.map(({ name, run }) => [name, run] as const))(
    '%s',
    async (_name, run) => {
      expect(await run(true)).not.toBe('');
    },
    900_000,
  );
});
