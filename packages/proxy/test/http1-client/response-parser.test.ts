import { expect, test } from '@jest/globals';
import { readResponse } from './read-responses.ts';

const ok = 'HTTP/1.1 200 OK\r\n';

test('reads status, reason, fields and body as they are', () => {
  const { responses, fault } = readResponse([
    `${ok}A:  b\t \r\na: \xe4\xff\r\nEmpty:\r\nContent-Length: 5\r\n\r\nhello`,
  ]);
  expect(fault).toBeUndefined();
  expect(responses).toEqual([
    {
      status: 200,
      reason: 'OK',
      fields: ['A', 'b', 'a', '\xe4\xff', 'Empty', '', 'Content-Length', '5'],
      body: 'hello',
      trailers: [],
      persistent: true,
    },
  ]);
});

test.each([
  ['no reason', 'HTTP/1.1 200\r\n', ''],
  ['an empty reason', 'HTTP/1.1 200 \r\n', ''],
  ['blanks in it', 'HTTP/1.1 200 Fine  by me\r\n', 'Fine  by me'],
  ['8-bit bytes in it', 'HTTP/1.1 200 s\xe4h\r\n', 's\xe4h'],
])('reads a status line with %s', (_, line, reason) => {
  expect(readResponse([`${line}Content-Length: 0\r\n\r\n`]).responses[0]?.reason).toBe(reason);
});

test.each([
  'HTTP/1.1 20 OK\r\n\r\n',
  'HTTP/1.1 2000 OK\r\n\r\n',
  'HTTP/1.1 099 OK\r\n\r\n',
  'HTTP/1.1 2x0 OK\r\n\r\n',
  'HTTP/1.1  200 OK\r\n\r\n',
  'HTTP/1.1\t200 OK\r\n\r\n',
  'HTTP/1.1 200\tOK\r\n\r\n',
  'HTTP/1.2 200 OK\r\n\r\n',
  'HTTP/2.0 200 OK\r\n\r\n',
  'HTTP/0.9 200 OK\r\n\r\n',
  'http/1.1 200 OK\r\n\r\n',
  ' HTTP/1.1 200 OK\r\n\r\n',
  '\r\nHTTP/1.1 200 OK\r\n\r\n',
  'ICY 200 OK\r\n\r\n',
  'HTTP/1.1 200 O\0K\r\n\r\n',
  'HTTP/1.1 200 O\rK\r\n\r\n',
  'HTTP/1.1 200 OK\n\n',
  'SSH-2.0-OpenSSH_9\r\n',
  '<html>',
])('P46 refuses %p in place of a status line', (bytes) => {
  expect(readResponse([bytes]).fault).toBeDefined();
});

test.each([
  'A : b',
  'A\t: b',
  ' A: b',
  ': b',
  'Ab',
  'A\xe4: b',
  'A(: b',
  'A: b\r\n c',
  'A: b\r\n\tc',
  'A: b\0c',
  'A: b\x01c',
  'A: b\x7fc',
  'A: b\rc',
  'A: b\nc: d',
  'A: b\n',
  '\rA: b',
])('P24 refuses the field line %p', (line) => {
  expect(readResponse([`${ok}${line}\r\nContent-Length: 0\r\n\r\n`]).fault).toBeDefined();
});

test.each([
  ['two lengths', 'Content-Length: 5\r\nContent-Length: 5'],
  ['a list of lengths', 'Content-Length: 5, 5'],
  ['a signed length', 'Content-Length: +5'],
  ['a negative length', 'Content-Length: -5'],
  ['a hexadecimal length', 'Content-Length: 0x5'],
  ['an empty length', 'Content-Length:'],
  ['an overflowing length', 'Content-Length: 99999999999999999999'],
  ['a length with a blank in it', 'Content-Length: 5 5'],
  ['a length next to chunked', 'Content-Length: 5\r\nTransfer-Encoding: chunked'],
  ['chunked next to a length', 'Transfer-Encoding: chunked\r\nContent-Length: 5'],
  ['another coding', 'Transfer-Encoding: gzip'],
  ['another coding below chunked', 'Transfer-Encoding: gzip, chunked'],
  ['another coding above chunked', 'Transfer-Encoding: chunked, gzip'],
  ['identity', 'Transfer-Encoding: identity'],
  ['chunked twice', 'Transfer-Encoding: chunked, chunked'],
  ['chunked in two fields', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'],
  ['codings in two fields', 'Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked'],
  ['an empty coding', 'Transfer-Encoding:'],
  ['a list with an empty coding', 'Transfer-Encoding: ,chunked'],
  ['a coding with a vertical tab', 'Transfer-Encoding: \x0bchunked'],
  ['a coding with a tab behind it', 'Transfer-Encoding: chunked\t'],
  ['a coding with a parameter', 'Transfer-Encoding: chunked;a=b'],
])('P7 refuses a response framed by %s', (_, fields) => {
  expect(readResponse([`${ok}${fields}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`]).fault).toBeDefined();
});

test('P7 refuses a transfer coding in HTTP/1.0', () => {
  expect(readResponse(['HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n']).fault).toBeDefined();
});

const chunked = `${ok}Transfer-Encoding: Chunked\r\n\r\n`;

test('reads a chunked body, drops its extensions and keeps its trailers', () => {
  const body = '5;a;b=c;d="e\\"; f"\r\nhello\r\n00a\r\n0123456789\r\n0;last\r\nA: b\r\nC:\r\n\r\n';
  expect(readResponse([chunked + body])).toMatchObject({
    fault: undefined,
    responses: [{ body: 'hello0123456789', trailers: ['A', 'b', 'C', ''] }],
  });
});

test.each([
  ['a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a sign', '+5\r\nhello\r\n0\r\n\r\n'],
  ['an underscore', '5_0\r\nhello\r\n0\r\n\r\n'],
  ['a blank before it', ' 5\r\nhello\r\n0\r\n\r\n'],
  ['a blank after it', '5 \r\nhello\r\n0\r\n\r\n'],
  ['no digit', '\r\nhello\r\n0\r\n\r\n'],
  ['an extension but no digit', ';a\r\nhello\r\n0\r\n\r\n'],
  ['too many digits', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
  ['a bare line feed', '5\nhello\r\n0\r\n\r\n'],
  ['a bare carriage return', '5\rhello\r\n0\r\n\r\n'],
  ['a body longer than it', '4\r\nhello\r\n0\r\n\r\n'],
  ['a line feed alone behind its body', '5\r\nhello\n0\r\n\r\n'],
  ['another byte behind its body', '5\r\nhelloXX0\r\n\r\n'],
  ['a control byte in an extension', '5;a=\x01\r\nhello\r\n0\r\n\r\n'],
  ['a line feed in an extension', '5;a\nb\r\nhello\r\n0\r\n\r\n'],
  ['an extension without a name', '5;=b\r\nhello\r\n0\r\n\r\n'],
  ['an open quote in an extension', '5;a="b\r\nhello\r\n0\r\n\r\n'],
  ['endless extensions', `5;${'a'.repeat(5_000)}\r\nhello\r\n0\r\n\r\n`],
  ['a malformed trailer', '0\r\nA : b\r\n\r\n'],
  ['a bare line feed in the trailers', '0\r\nA: b\n\r\n'],
  ['a length among the trailers', '0\r\nContent-Length: 5\r\n\r\n'],
  ['a transfer coding among the trailers', '0\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['endless trailers', `0\r\n${'A: b\r\n'.repeat(5_000)}\r\n`],
])('P4 refuses a chunk whose size has %s', (_, body) => {
  expect(readResponse([chunked + body]).fault).toBeDefined();
});

test.each([
  ['HEAD', `${ok}Content-Length: 5\r\n\r\n`],
  ['HEAD', chunked],
  ['GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
])('P32 waits for no body after %s and %p', (method, bytes) => {
  expect(readResponse([bytes], { method })).toMatchObject({ fault: undefined, responses: [{ body: '' }] });
});

test('P7 trusts no connection after a 204 that speaks of a body', () => {
  expect(readResponse(['HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n']).responses[0]?.persistent).toBe(false);
});

test('P7 tells of bytes behind a response, and reads no second one from them', () => {
  const reading = readResponse([`${ok}Content-Length: 2\r\n\r\nok${ok}Content-Length: 4\r\n\r\nevil`]);
  expect(reading).toMatchObject({ surplus: true, responses: [{ body: 'ok' }] });
});

test('P34 tells of interim responses, an unsolicited 100 among them', () => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
  expect(readResponse([`${interim}${ok}Content-Length: 0\r\n\r\n`])).toMatchObject({
    interim: [100, 103],
    responses: [{ status: 200 }],
  });
});

test.each(['Connection: close', 'Content-Length: 5', 'Transfer-Encoding: chunked'])(
  'P34 refuses an interim response with %s, behind which nothing could follow',
  (field) => {
    const interim = `HTTP/1.1 103 Early Hints\r\n${field}\r\n\r\n`;
    expect(readResponse([`${interim}${ok}Content-Length: 0\r\n\r\n`])).toMatchObject({
      responses: [],
      fault: expect.any(String),
    });
  },
);

test('P44 gives back the bytes behind a 101, and refuses one that nobody asked for', () => {
  const bytes = ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nframe'];
  expect(readResponse(bytes, { maySwitch: true })).toMatchObject({ switched: 'frame', fault: undefined });
  expect(readResponse(bytes).fault).toBeDefined();
});

test.each([
  ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', true],
  ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', false],
  ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: a, Close\r\n\r\n', false],
  ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: a\r\nconnection: close\r\n\r\n', false],
  ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: closed\r\n\r\n', true],
  ['HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', false],
  ['HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n', true],
])('takes the connection after %p for usable: %p', (bytes, persistent) => {
  expect(readResponse([bytes]).responses[0]?.persistent).toBe(persistent);
});

test('reads a body without framing to the end of the connection, and no other one', () => {
  expect(readResponse([`${ok}\r\nall`, ' of it'], { ends: true })).toMatchObject({
    fault: undefined,
    responses: [{ body: 'all of it', persistent: false }],
  });
  for (const bytes of [
    '',
    'HTT',
    `${ok}A: b\r\n`,
    `${ok}Content-Length: 5\r\n\r\nhell`,
    `${chunked}5\r\nhello\r\n0\r\n`,
  ]) {
    expect(readResponse([bytes], { ends: true })).toMatchObject({ responses: [], fault: expect.any(String) });
  }
});

test('refuses a head over 64 KiB, and takes one below', () => {
  const head = (bytes: number): string => `${ok}Content-Length: 0\r\nA: ${'a'.repeat(bytes)}\r\n\r\n`;
  expect(readResponse([head(65_000)]).responses).toHaveLength(1);
  expect(readResponse([head(66_000)]).fault).toBe('head too large');
  const pieces = head(66_000).match(/[^]{1,1000}/g) ?? [];
  expect(readResponse(pieces.slice(0, -1)).fault).toBe('head too large');
});
