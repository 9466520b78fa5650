import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { redactor, SecretValue, streamRedactor } from '@orca/secrets';

const value = fc.oneof(
  fc.string({ minLength: 6, maxLength: 14, unit: fc.constantFrom('a', 'b', '=') }),
  fc.string({ minLength: 6, maxLength: 30 }),
);

test('S10: text in pieces is redacted as the whole is, wherever it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 3 }),
      fc.array(fc.oneof(fc.nat(2), fc.string({ maxLength: 6, unit: fc.constantFrom('a', 'b', '=', ' ') }))),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (texts, parts, sizes) => {
        const values = texts.map((text) => SecretValue.of(text));
        const whole = parts
          .map((part) => (typeof part === 'number' ? (texts[part % texts.length] ?? '') : part))
          .join('');
        const stream = streamRedactor(values);
        let out = '';
        for (let at = 0, turn = 0; at < whole.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          out += stream.push(whole.slice(at, at + size));
          at += size;
        }
        expect(out + stream.end()).toBe(redactor(values)(whole));
      },
    ),
    { numRuns: 500 },
  );
});

test('S10: what is held back stays bounded, also where values overlap without an end', () => {
  const stream = streamRedactor([SecretValue.of('aaaaaa')]);
  let shown = stream.push('x');
  for (let n = 0; n < 10_000; n += 1) shown += stream.push('aaaa');
  shown += stream.push('b and more than enough to be sure of it, and still more of the same to come');
  expect(shown.startsWith('x[secret]b and')).toBe(true);
  expect(shown).not.toContain('a'.repeat(6));
});
