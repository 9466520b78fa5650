const host = 'Host: app.test\r\n';

/** Requests as they should be; `@` becomes a number that tells one case from another. */
export const requests: readonly string[] = [
  `GET /@ HTTP/1.1\r\n${host}\r\n`,
  `GET /@?a=b&c HTTP/1.1\r\n${host}Accept: */*\r\nCookie: a=1\r\nCookie: b=2\r\nX-Empty:\r\n\r\n`,
  `HEAD /@ HTTP/1.1\r\n${host}\r\n`,
  `GET http://app.test/@ HTTP/1.1\r\n${host}\r\n`,
  `OPTIONS * HTTP/1.1\r\n${host}\r\n`,
  `DELETE /@ HTTP/1.1\r\n${host}Connection: close, X-A\r\nX-A: b\r\n\r\n`,
  `GET /@ HTTP/1.0\r\n${host}Connection: keep-alive\r\n\r\n`,
  `POST /@ HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`,
  `POST /@ HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`,
  `PUT /@ HTTP/1.1\r\n${host}Content-Type: text/plain\r\nContent-Length: 11\r\n\r\n0\r\n\r\nGET / `,
  `POST /@ HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  `POST /@ HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5;a=b;c="d"\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n`,
  `POST /@ HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTrailer: A\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n`,
  `POST /@ HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok`,
  `GET /@ HTTP/1.1\r\n${host}\r\nGET /@b HTTP/1.1\r\n${host}\r\n`,
  `POST /@ HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhelloGET /@b HTTP/1.1\r\n${host}\r\n`,
  `POST /@ HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST /@b HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\nx`,
  `POST /@ HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\nGET /@b HTTP/1.1\r\n${host}\r\n`,
  `GET /@ HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  `GET /@ HTTP/1.1\r\n${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n`,
];

const ok = 'HTTP/1.1 200 OK\r\n';

/** Responses as they should be, whatever was asked. */
export const responses: readonly string[] = [
  `${ok}Content-Length: 5\r\n\r\nhello`,
  `${ok}Content-Length: 0\r\n\r\n`,
  `${ok}Date: now\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\nX-Empty:\r\nContent-Length: 2\r\n\r\nok`,
  `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  `${ok}Transfer-Encoding: chunked\r\n\r\n5;a=b;c="d\\"e"\r\nhello\r\n00A;f\r\n0123456789\r\n0;g\r\n\r\n`,
  `${ok}Trailer: A\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\nC:\r\n\r\n`,
  `${ok}\r\nto the end`,
  `${ok}Connection: close\r\n\r\nto the end`,
  `${ok}Keep-Alive: timeout=5\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx`,
  'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.0 200 OK\r\n\r\nold',
  'HTTP/1.1 204 No Content\r\nA: b\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "a"\r\n\r\n',
  'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 302\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n',
  `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}Content-Length: 2\r\n\r\nok`,
  `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Internal Server Error\r\nContent-Length: 3\r\n\r\nbad`,
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nframe',
  `${ok}Content-Length: 2\r\n\r\nok${ok}Content-Length: 4\r\n\r\nevil`,
];
