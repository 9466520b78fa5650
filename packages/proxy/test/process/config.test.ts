import { expect, test } from '@jest/globals';
import { parseConfig, type ProxyConfig } from '../../src/process/config.ts';

const http = { host: '127.0.0.1', port: 80 };
const https = { host: '::', port: 443 };

const whole: ProxyConfig = {
  http: { ...http, proxyProtocolFrom: ['10.0.0.0/8'] },
  https: { ...https, unknownNames: 'refuse', refuseMisdirected: true, http2: false },
  workers: 2,
  timeouts: { headersMs: 1_000 },
};

test('a configuration crosses to another process with all that it says', () => {
  expect(parseConfig(JSON.parse(JSON.stringify(whole)))).toEqual(whole);
  expect(parseConfig({ http, https, workers: 1 })).toEqual({ http, https, workers: 1 });
});

test.each([
  ['address', { http: { host: 'localhost', port: 80 } }],
  ['port', { http: { ...http, port: 65_536 } }],
  ['port', { https: { ...https, port: -1 } }],
  ['workers', { workers: 0 }],
  ['workers', { workers: 1.5 }],
  ['unknownNames', { https: { ...https, unknownNames: 'reject' } }],
  ['proxyProtocolFrom', { http: { ...http, proxyProtocolFrom: '10.0.0.0/8' } }],
  ['timeouts', { timeouts: { head: 1 } }],
])('one without a usable %s is refused: %j', (part, change) => {
  expect(() => parseConfig({ ...whole, ...change })).toThrow(`no usable ${part}`);
});
