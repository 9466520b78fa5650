import { describe, expect, test } from '@jest/globals';
import { directoryFault } from '../src/directory.ts';
import { coversHost, qualifyHost } from '../src/host-name.ts';
import { authorityFolder, hostFolder, hostOfFolder } from '../src/store-path.ts';

describe('A4: which names qualify', () => {
  test.each([
    ['Web.Orca.DEV.', 'web.orca.dev'],
    ['bücher.de', 'xn--bcher-kva.de'],
    ['xn--bcher-kva.de', 'xn--bcher-kva.de'],
    ['test.de', 'test.de'],
    ['myexample.com', 'myexample.com'],
    ['example.com.de', 'example.com.de'],
  ])('%s is asked for as %s', (written, host) => {
    expect(qualifyHost(written, { hasDns01: false })).toEqual({ ok: true, host });
  });

  test.each([
    ['192.0.2.7', 'is an IP address'],
    ['::1', 'is an IP address'],
    ['localhost', 'has no dot'],
    ['web', 'has no dot'],
    ['web.localhost', 'ends in .localhost'],
    ['nas.local', 'ends in .local, which is reserved (RFC 6762)'],
    ['shop.test', 'ends in .test, which is reserved (RFC 2606): no public authority signs it, a private one may'],
    ['shop.example', 'ends in .example, which is reserved'],
    ['shop.invalid', 'ends in .invalid, which is reserved'],
    ['example.com', 'ends in .example.com, which is reserved'],
    ['www.Example.ORG.', 'ends in .example.org, which is reserved'],
    ['7.2.0.192.in-addr.arpa', 'ends in .arpa, which is reserved'],
    ['router.home.arpa', 'ends in .home.arpa, which is reserved'],
    ['shop.alt', 'ends in .alt, which is reserved (RFC 9476)'],
    ['*.shop.test', 'ends in .test'],
    ['nas.lan', 'ends in .lan, which means nothing outside'],
    ['0x7f.1', 'is an IP address'],
    ['db.prod.internal', 'ends in .internal'],
    [`${'a'.repeat(64)}.de`, 'is not a domain name'],
    [`${'a.'.repeat(130)}example`, 'is not a domain name'],
    ['-a.example', 'is not a domain name'],
    ['a..example', 'is not a domain name'],
    ['../../etc/passwd', 'is not a domain name'],
    ['', 'is not a domain name'],
    ['*.orca.dev', 'is a wildcard, which needs the challenge dns-01'],
  ])('%p does not: %s', (written, reason) => {
    expect(qualifyHost(written, { hasDns01: false })).toMatchObject({
      ok: false,
      reason: expect.stringContaining(reason),
    });
  });

  test('a wildcard qualifies with dns-01, a local name with a private authority', () => {
    expect(qualifyHost('*.Orca.dev', { hasDns01: true })).toEqual({ ok: true, host: '*.orca.dev' });
    for (const local of ['nas.local', 'shop.test', 'nas', 'www.example.com'])
      expect(qualifyHost(local, { hasDns01: false, allowLocal: true })).toEqual({ ok: true, host: local });
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
