import { describe, expect, test } from '@jest/globals';
import { directoryFault } from '../src/directory.ts';
import { coversHost, qualifyHost } from '../src/host-name.ts';
import { authorityFolder, hostFolder, hostOfFolder } from '../src/store-path.ts';

describe('A4: which names qualify', () => {
  test.each([
    ['Web.Example.COM.', 'web.example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ])('%s is asked for as %s', (written, host) => {
    expect(qualifyHost(written, { hasDns01: false })).toEqual({ ok: true, host });
  });

  test.each([
    ['192.0.2.7', 'is an IP address'],
    ['::1', 'is an IP address'],
    ['localhost', 'has no dot'],
    ['web', 'has no dot'],
    ['web.localhost', 'ends in .localhost'],
    ['nas.local', 'ends in .local'],
    ['db.prod.internal', 'ends in .internal'],
    [`${'a'.repeat(64)}.example`, 'is not a domain name'],
    [`${'a.'.repeat(130)}example`, 'is not a domain name'],
    ['-a.example', 'is not a domain name'],
    ['a..example', 'is not a domain name'],
    ['../../etc/passwd', 'is not a domain name'],
    ['', 'is not a domain name'],
    ['*.example.com', 'is a wildcard, which needs the challenge dns-01'],
  ])('%p does not: %s', (written, reason) => {
    expect(qualifyHost(written, { hasDns01: false })).toMatchObject({
      ok: false,
      reason: expect.stringContaining(reason),
    });
  });

  test('a wildcard qualifies with dns-01, a local name with a private authority', () => {
    expect(qualifyHost('*.Example.com', { hasDns01: true })).toEqual({ ok: true, host: '*.example.com' });
    expect(qualifyHost('nas.local', { hasDns01: false, allowLocal: true })).toMatchObject({ ok: true });
    expect(qualifyHost('10.0.0.1', { hasDns01: false, allowLocal: true })).toMatchObject({ ok: false });
  });

  test('a wildcard covers exactly one label', () => {
    expect(coversHost(['*.example.com'], 'a.example.com')).toBe(true);
    expect(coversHost(['*.example.com'], 'example.com')).toBe(false);
    expect(coversHost(['*.example.com'], 'a.b.example.com')).toBe(false);
    expect(coversHost(['*.example.com'], '*.example.com')).toBe(true);
  });
});

describe('A2: the directory', () => {
  test.each([
    ['https://acme-v02.api.letsencrypt.org/directory', undefined],
    ['http://127.0.0.1:14000/dir', undefined],
    ['http://ca.internal/acme', undefined],
    ['http://[::1]:9000/dir', undefined],
    ['http://acme.example.com/dir', 'must be https:'],
    ['http://8.8.8.8/dir', 'must be https:'],
    ['ftp://x.example/dir', 'neither'],
    ['not a url', 'is not a URL'],
  ])('%s: %s', (url, fault) => {
    if (fault === undefined) expect(directoryFault(url)).toBeUndefined();
    else expect(directoryFault(url)).toContain(fault);
  });

  test('each address has a folder of its own, so that staging never passes for production', () => {
    const urls = [
      'https://acme-v02.api.letsencrypt.org/directory',
      'https://acme-staging-v02.api.letsencrypt.org/directory',
      'https://ca.test/a-b',
      'https://ca.test/a/b',
    ];
    const folders = urls.map(authorityFolder);
    expect(new Set(folders).size).toBe(4);
    expect(folders.every((folder) => /^[a-z0-9][a-z0-9.-]+$/.test(folder))).toBe(true);
  });
});

describe('A19: names in paths', () => {
  test('a wildcard is spelt out, and comes back', () => {
    expect(hostFolder('*.example.com')).toBe('wildcard_.example.com');
    expect(hostOfFolder('wildcard_.example.com')).toBe('*.example.com');
  });

  test.each(['../up', 'a/b', '.hidden', 'a..b', 'A.example', '', 'a\0b', '*.'])('%p is refused', (name) => {
    expect(() => hostFolder(name)).toThrow('is not a host name');
  });
});
