import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readResponse } from './read-responses.ts';

const token = fc.stringMatching(/^[A-Za-z][\w-]{0,8}$/);
const value = fc.stringMatching(/^[!-~\xa0-\xff]{0,12}$/);
const fields = fc
  .array(fc.tuple(token, value), { maxLength: 5 })
  .map((all) => all.filter(([name]) => !/^(?:connection|keep-alive|content-length|transfer-encoding)$/i.test(name)));
const lines = (all: readonly (readonly [string, string])[]): string => all.map(([n, v]) => `${n}: ${v}\r\n`).join('');
const chunk = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 });

const bodies = fc.oneof(
  chunk.map((text) => `Content-Length: ${text.length}\r\n\r\n${text}`),
  fc.tuple(fc.array(chunk, { maxLength: 4 }), fields).map(([chunks, trailers]) => {
    const data = chunks.map((text) => `${text.length.toString(16)};a=b\r\n${text}\r\n`).join('');
    return `Transfer-Encoding: chunked\r\n\r\n${data}0\r\n${lines(trailers)}\r\n`;
  }),
  chunk.map((text) => `\r\n${text}`),
);

const wellFormed = fc
  .tuple(fc.boolean(), fields, bodies, fc.constantFrom('', 'HTTP/1.1 200 OK\r\n\r\n'))
  .map(([hints, some, body, surplus]) => {
    const interim = hints ? 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' : '';
    return `${interim}HTTP/1.1 200 OK\r\n${lines(some)}${body}${surplus}`;
  });

/** Well-formed, or with a byte of it replaced, put in, or left out. */
const anyBytes = fc
  .tuple(wellFormed, fc.nat(), fc.constantFrom('\r', '\n', '\0', ' ', ':', ';', '0', 'f', '\xff', ''), fc.nat(2))
  .map(([text, at, byte, how]) => {
    const index = at % (text.length + 1);
    return how === 0 ? text : `${text.slice(0, index)}${byte}${text.slice(index + how - 1)}`;
  });

const cut = (text: string, at: readonly number[]): readonly string[] => {
  const places = [...new Set(at.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, i) => text.slice(from, places[i] ?? text.length));
};

test('P7 however a response is cut up, it is read the same', () => {
  fc.assert(
    fc.property(anyBytes, fc.array(fc.nat(), { maxLength: 6 }), (text, at) => {
      const { fault: whole, ...rest } = readResponse([text], { ends: true });
      const { fault: parts, ...others } = readResponse(cut(text, at), { ends: true });
      expect(Boolean(parts) || others.surplus).toBe(Boolean(whole) || rest.surplus);
      if (whole === undefined && !rest.surplus) expect(others).toEqual(rest);
    }),
    { numRuns: 2_000 },
  );
});

test('P7 byte by byte as well', () => {
  fc.assert(
    fc.property(wellFormed, (text) => {
      const { surplus: isSurplus, ...whole } = readResponse([text], { ends: true });
      const { surplus, ...parts } = readResponse(text.split(''), { ends: true });
      if (!isSurplus) expect(parts).toEqual(whole);
      expect(surplus || parts.fault !== undefined || !isSurplus).toBe(true);
    }),
    { numRuns: 300 },
  );
});
