import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { redactor, SecretValue } from '@orca/secrets';
import { aStore } from './a-store.ts';

const name = fc.stringMatching(/^([a-z0-9][a-z0-9-]{0,5}\.)?[A-Za-z_][A-Za-z0-9_]{0,5}$/);
const text = fc.string({ unit: 'binary', maxLength: 200 }).filter((value) => value.isWellFormed());

test('any value comes back as it was set, and a sequence of writes leaves what a map would hold', async () => {
  const step = fc.oneof(fc.record({ name, text }), fc.record({ name, text: fc.constant(undefined) }));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
      using a = aStore();
      const expected = new Map<string, string>();
      for (const { name: key, text: value } of steps) {
        if (value === undefined) expect(await a.store.delete(key)).toBe(expected.delete(key));
        else {
          const before = expected.get(key);
          const result = before === undefined ? 'created' : before === value ? 'unchanged' : 'changed';
          expect(await a.set(key, value)).toBe(result);
          expected.set(key, value);
        }
      }
      const again = a.reopened();
      expect((await again.names()).map((info) => info.name)).toEqual([...expected.keys()].toSorted());
      for (const [key, value] of expected) expect((await again.get(key))?.reveal()).toBe(value);
    }),
    { numRuns: 15 },
  );
});

test('no text shows a value after redaction, wherever and however often it stands', () => {
  const value = fc.string({ unit: 'binary', minLength: 6, maxLength: 20 }).filter((v) => v.isWellFormed());
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), fc.array(fc.string()), (values, between) => {
      const texts = values.flatMap((v, n) => [v, between[n] ?? '', JSON.stringify(v)]);
      const shown = redactor(values.map((v) => SecretValue.of(v)))(texts.join(''));
      // Only the mask itself may happen to hold a value.
      for (const v of values)
        expect('[secret]'.includes(v) || !shown.replaceAll('[secret]', '').includes(v)).toBe(true);
    }),
  );
});
