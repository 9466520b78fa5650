import { describe, expect, test } from '@jest/globals';
import { formatTemplate, parseTemplate, renderTemplate, type Template } from '@orca/spec';
import fc from 'fast-check';

describe('a template', () => {
  test.each<[string, Template['parts']]>([
    ['', []],
    ['plain', ['plain']],
    ['${secrets.A}', [{ secret: 'A' }]],
    ['a${secrets.A}b${secrets.B_2}', ['a', { secret: 'A' }, 'b', { secret: 'B_2' }]],
    ['${secrets.shop.KEY}', [{ secret: 'shop.KEY' }]],
    ['$${secrets.A}', ['${secrets.A}']],
    ['$$${secrets.A}', ['$${secrets.A}']],
    ['${HOME} $HOME $$ {x}', ['${HOME} $HOME $$ {x}']],
    ['${secretsmanager}', ['${secretsmanager}']],
  ])('%j', (text, parts) => {
    expect(parseTemplate(text)).toEqual({ ok: true, value: { parts } });
  });

  test.each([
    '${secrets.',
    '${secrets.}',
    '${secrets}',
    '${secrets.1A}',
    '${ secrets.A }',
    '${secret.A}',
    '${Secrets.A}',
    '${secrets:A}',
  ])('refuses the broken reference %j', (text) => {
    expect(parseTemplate(`ab${text}`)).toEqual({ ok: false, message: expect.stringMatching(/at character 3: /) });
  });

  test('does not look into the values it is given', () => {
    const template: Template = { parts: [{ secret: 'A' }, '-', { secret: 'B' }] };
    expect(renderTemplate(template, (name) => `\${secrets.${name}}$&`)).toBe('${secrets.A}$&-${secrets.B}$&');
  });

  const part = fc.oneof(
    fc.constantFrom('$', '$$', '{', '}', '${', '$${', '${secrets.A}', '${secrets.LONG_NAME}', '${HOME}'),
    fc.string({ maxLength: 4 }),
  );
  const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));

  test('comes back from its own text', () => {
    fc.assert(
      fc.property(text, (written) => {
        const parsed = parseTemplate(written);
        fc.pre(parsed.ok);
        expect(parseTemplate(formatTemplate(parsed.value))).toEqual(parsed);
      }),
    );
  });

  test('renders to the text itself when that has neither references nor escapes', () => {
    fc.assert(
      fc.property(fc.string(), (written) => {
        fc.pre(!written.includes('${'));
        const parsed = parseTemplate(written);
        expect(parsed.ok && renderTemplate(parsed.value, () => 'never')).toBe(written);
      }),
    );
  });
});
