import type { Random } from './random.ts';

/** What parsers have disagreed about: line ends, blanks, controls, signs, lengths, codings, whole messages. */
const pieces: readonly string[] = [
  '\r\n',
  '\n',
  '\r',
  '\r\r\n',
  '\n\r\n',
  '\r\n\r\n',
  '\0',
  ' ',
  '\t',
  '\x0b',
  '\x0c',
  '\x1f',
  '\x7f',
  '\x85',
  '\xa0',
  '\xff',
  ':',
  ';',
  ',',
  ', ',
  '=',
  '"',
  '\\',
  '+',
  '-',
  '_',
  '0x',
  '0',
  '00',
  '1',
  '5',
  '9',
  'a',
  'F',
  '#',
  '?',
  '/',
  '*',
  'ffffffffffffffff',
  '18446744073709551616',
  'chunked',
  'Chunked',
  'gzip, ',
  'identity',
  'close',
  'keep-alive',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Content-length:5\r\n',
  'Content-Length : 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding:\r\n chunked\r\n',
  'Transfer-Encoding\r\n: chunked\r\n',
  'Connection: close\r\n',
  'Connection: Upgrade\r\nUpgrade: h2c\r\n',
  'Trailer: A\r\n',
  ' folded\r\n',
  '0\r\n\r\n',
  '0;a\r\nA: b\r\n\r\n',
  '5\r\nhello\r\n',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'GET /evil HTTP/1.1\r\nHost: app.test\r\n\r\n',
];

const mostBytes = 24_000;

/** A message with one to three places changed, most with one: bytes flipped, put in, taken out, repeated, or spliced with another's. */
export const mutate = (corpus: readonly string[], random: Random): string => {
  let text = random.pick(corpus);
  for (let left = random.pick([1, 1, 1, 2, 3]); left > 0; left -= 1) text = changed(text, corpus, random);
  return text.slice(0, mostBytes);
};

const changed = (text: string, corpus: readonly string[], random: Random): string => {
  const at = random.below(text.length + 1);
  const before = text.slice(0, at);
  const span = Math.min(text.length - at, 1 + random.below(random.below(4) === 0 ? 40 : 3));
  switch (random.below(8)) {
    case 0:
      return before + String.fromCharCode(random.below(256)) + text.slice(at + 1);
    case 1:
      return before + String.fromCharCode(random.below(256)) + text.slice(at);
    case 2:
      return before + text.slice(at + span);
    case 3:
      return before + text.slice(at, at + span) + text.slice(at);
    case 4: {
      const other = random.pick(corpus);
      return before + other.slice(random.below(other.length));
    }
    case 5:
      return before + random.pick(pieces) + text.slice(at + span);
    case 6:
      return atLineStart(text, at) + random.pick(pieces) + text.slice(atLineStart(text, at).length);
    default:
      return before + random.pick(pieces) + text.slice(at);
  }
};

const atLineStart = (text: string, at: number): string => text.slice(0, text.lastIndexOf('\n', at) + 1);
