import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { digestSecret, redactor, resolveSecrets, type SecretSource, SecretValue } from '@orca/secrets';

const source = (entries: Readonly<Record<string, string>>): SecretSource => ({
  get: async (name) => (Object.hasOwn(entries, name) ? SecretValue.of(entries[name] ?? '') : undefined),
});

const redact = (text: string, ...values: readonly string[]): string =>
  redactor(values.map((value) => SecretValue.of(value)))(text);

describe('a secret value', () => {
  test('shows itself only when asked to', () => {
    const value = SecretValue.of('canary');
    const shown = [
      String(value),
      [value].join(),
      value + '',
      JSON.stringify({ value }),
      inspect({ value }, { showHidden: true, depth: 9 }),
      inspect(new Error('x', { cause: value })),
      Object.keys(value).join(),
      JSON.stringify(structuredClone({ value })),
    ];
    expect(shown.join()).not.toContain('canary');
    expect(String(value)).toBe('[secret]');
    expect(value.reveal()).toBe('canary');
  });

  test('equals one of the same text only', () => {
    expect(SecretValue.of('a').equals(SecretValue.of('a'))).toBe(true);
    expect(SecretValue.of('a').equals(SecretValue.of('b'))).toBe(false);
  });
});

describe('resolving secrets', () => {
  test('takes each name from the first source that has it', async () => {
    const found = await resolveSecrets(['A', 'B', 'A'], [source({ A: 'first' }), source({ A: 'second', B: 'b' })]);
    const values = found.ok ? [...found.values].map(([name, value]) => [name, value.reveal()]) : [];
    expect(values).toEqual([
      ['A', 'first'],
      ['B', 'b'],
    ]);
  });

  test('names everything that is missing, once and sorted', async () => {
    expect(await resolveSecrets(['Z', 'A', 'B', 'Z'], [source({ B: '' })])).toEqual({ ok: false, missing: ['A', 'Z'] });
  });
});

describe('a digest', () => {
  const key = Buffer.alloc(32, 1);
  test('depends on name, value and key, and on where one ends and the other begins', () => {
    const digests = [
      digestSecret('A', SecretValue.of('x'), key),
      digestSecret('A', SecretValue.of('y'), key),
      digestSecret('B', SecretValue.of('x'), key),
      digestSecret('AB', SecretValue.of('C'), key),
      digestSecret('A', SecretValue.of('BC'), key),
      digestSecret('A', SecretValue.of('x'), Buffer.alloc(32, 2)),
    ];
    expect(new Set(digests).size).toBe(digests.length);
    expect(digestSecret('A', SecretValue.of('x'), key)).toBe(digests[0]);
  });
});

describe('S10: the redactor', () => {
  test('leaves text without secrets as it is', () => {
    expect(redact('nothing to see', 'hunter22')).toBe('nothing to see');
    expect(redact('no values')).toBe('no values');
  });

  test('masks every occurrence', () => {
    expect(redact('a hunter22, b hunter22', 'hunter22')).toBe('a [secret], b [secret]');
  });

  test('leaves values alone that are too short to be told from ordinary text', () => {
    expect(redact('port 12345', '12345')).toBe('port 12345');
  });

  test('masks values that overlap as one, whatever their order', () => {
    expect(redact('abcdefghijkl', 'abcdefgh', 'efghijkl')).toBe('[secret]');
    expect(redact('abcdefghijkl', 'efghijkl', 'abcdefgh')).toBe('[secret]');
    expect(redact('hunter22-and-more', 'hunter22', 'hunter22-and')).toBe('[secret]-more');
  });

  test('treats a value as text, not as a pattern', () => {
    expect(redact('x.*+?^${}()|[]\\x', '.*+?^${}()|[]\\')).toBe('x[secret]x');
  });

  const value = 'p@ss wörd/"1+1"\n\\end';
  test.each([
    ['JSON', JSON.stringify({ pw: value }), /^\{"pw":"\[secret\]"\}$/],
    ['a URL', `postgres://u:${encodeURIComponent(value)}@db/x`, /^postgres:\/\/u:\[secret\]@db\/x$/],
    ['a URL with small hex digits', encodeURIComponent(value).toLowerCase(), /^\[secret\]$/],
    ['a form', new URLSearchParams({ pw: value }).toString(), /^pw=\[secret\]$/],
    ['base64', Buffer.from(value).toString('base64'), /^\[secret\]$/],
    ['base64url', Buffer.from(value).toString('base64url'), /^\[secret\]$/],
    // Characters stay that hold bits of a neighbour as well.
    ['Basic credentials', Buffer.from(`u:${value}`).toString('base64'), /^.{3}\[secret\].{0,3}$/],
    ['Basic credentials at another offset', Buffer.from(`us:${value}`).toString('base64'), /^.{4}\[secret\].{0,3}$/],
    ['a longer base64 text', Buffer.from(`user:${value}, more`).toString('base64'), /^.{7}\[secret\].{10}$/],
  ])('masks it in %s', (_where, text, expected) => {
    expect(redact(text, value)).toMatch(expected);
  });

  test('masks the lines of a longer value where a log shows them one by one', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBg\nq\n-----END KEY-----\n';
    expect(redact('log: MIIEvQIBADANBg', key)).toBe('log: [secret]');
  });

  test('is quick with many secrets and long text', () => {
    const values = Array.from({ length: 100 }, (_, n) => `secret-number-${n}`);
    const text = 'an ordinary line of a log, which holds nothing\n'.repeat(2000);
    const before = process.cpuUsage();
    expect(redact(text, ...values)).toBe(text);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(20_000);
  });
});
