import { describe, expect, it } from '@jest/globals';
import { endedLine, proxyLines } from '../src/render/proxy-lines.ts';

const status = {
  pid: 7,
  build: 'b',
  http: { host: '0.0.0.0', port: 80 },
  https: { host: '0.0.0.0', port: 443 },
  isControlled: true,
  routes: 1,
  workers: [{ pid: 8, isServing: true, residentBytes: 64 * 1024 * 1024 }],
};

describe('orca proxy status', () => {
  it('names both ports, who controls it, and each worker', () => {
    expect(proxyLines(status)).toEqual([
      'proxy 7 serves 1 route on 0.0.0.0:80 and 0.0.0.0:443; a server controls it',
      '  worker 8  serves  64 MiB',
    ]);
    const alone = { ...status, https: undefined, routes: 2, isControlled: false, workers: [] };
    expect(proxyLines(alone)).toEqual(['proxy 7 serves 2 routes on 0.0.0.0:80; no server controls it']);
  });

  it('says so when there is none, or it has no port yet', () => {
    expect(proxyLines(undefined)).toEqual(['no proxy runs']);
    expect(proxyLines({ ...status, http: undefined, https: undefined, workers: [] })).toEqual([
      'proxy 7 serves nothing yet; a server controls it',
    ]);
  });
});

describe('orca proxy stop', () => {
  it('does not promise a free port while a server would take it again', () => {
    expect(endedLine({ isControlled: false }, true)).toContain('nothing listens on its port any more');
    expect(endedLine({ isControlled: true }, true)).toContain('starts it again');
    expect(endedLine(undefined, false)).toBe('no proxy runs');
  });
});
