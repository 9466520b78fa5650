import { describe, expect, test } from '@jest/globals';
import { issuesOf, serviceOf, web } from './reading.ts';

// Legal TOML 1.0 that the parser of values refuses. Listed, so that a change is noticed; the message tells the user
// that it is the parser, not the text.
const LEGAL_BUT_REFUSED = [
  'b = 0e0',
  'b = 0E+1',
  'b = [2020-01-01]',
  'b = [07:32:00]',
  'b = [1979-05-27T07:32:00.5]',
  'b = {c = 2020-01-01}',
];

describe('TOML', () => {
  test.each(LEGAL_BUT_REFUSED)('refuses the legal %j and says whose fault it is', (line) => {
    expect(issuesOf(web('[service.env]', line))).toEqual([
      expect.stringMatching(/:[56]:\d+: not valid TOML: .*\(TOML 1\.0 allows this, but this parser does not/),
    ]);
  });

  test.each(['a = ', 'a = 1 2', 'a = "x', '[x', 'a = [1', 'a = {b = 1,}', 'a = 1\na = 2'])(
    'refuses the broken %j',
    (line) => {
      expect(issuesOf(web('[service.env]', line))).toEqual([expect.not.stringContaining('TOML 1.0 allows this')]);
    },
  );

  test.each([
    ['A = """\nx\ny"""', 'x\ny'],
    ["A = 'C:\\temp'", 'C:\\temp'],
    ['A = "\\u00e9"', 'é'],
    ['A = 0x1F', '31'],
    ['A = 1_000', '1000'],
    ['A = 9223372036854775807', '9223372036854775807'],
  ])('reads %j', (line, value) => {
    expect(serviceOf(web('[service.env]', line)).env['A']).toEqual({ parts: [value] });
  });

  test('reads lines that end in CR LF, dotted keys and inline tables', () => {
    const text = web('liveness.path = "/"', 'port = 80', 'env = { A = "1" }').replaceAll('\n', '\r\n');
    expect(serviceOf(text)).toMatchObject({ liveness: { path: '/' }, env: { A: { parts: ['1'] } } });
  });
});
