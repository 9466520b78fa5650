import { describe, expect, it } from '@jest/globals';
import type { CertStatus } from '@orca/api';
import { paletteFor } from '../src/render/ansi.ts';
import { certLines } from '../src/render/cert-table.ts';

const palette = paletteFor({ isTTY: false }, {});
const now = Date.parse('2026-11-26T10:00:00Z');
const cert = (change: Partial<CertStatus>): CertStatus => ({
  host: 'a.example.com',
  source: 'acme',
  state: 'valid',
  issuer: 'R11',
  serial: '0a',
  notBefore: '2026-11-01T00:00:00Z',
  notAfter: '2027-01-30T00:00:00Z',
  daysLeft: 64,
  renewal: { at: '2026-12-27T10:00:00Z', why: 'the authority suggests it' },
  lastError: undefined,
  failures: 0,
  nextTryAt: '2026-12-27T10:00:00Z',
  warning: undefined,
  reason: undefined,
  ...change,
});

describe('orca certs', () => {
  it('shows who signed each, when it is renewed and why', () => {
    expect(certLines([cert({})], palette, now)).toEqual([
      'HOST           STATE  ISSUER  DAYS  RENEWS',
      'a.example.com  valid  R11     64    in 31 days: the authority suggests it',
    ]);
  });

  it('shows what failed in the authority’s words, how often, and the next try', () => {
    const failed = cert({
      host: 'valid.example.com',
      state: 'failed',
      issuer: undefined,
      daysLeft: undefined,
      renewal: undefined,
      lastError: { type: 'dns', detail: 'dns: NXDOMAIN', at: '2026-11-26T09:55:00Z' },
      failures: 3,
      nextTryAt: '2026-11-26T10:02:00Z',
    });
    expect(certLines([failed], palette, now).slice(1)).toEqual([
      'valid.example.com  failed  -       -     -',
      '  └ dns: NXDOMAIN (5 min ago, 3 times in a row; next try in 2 min)',
    ]);
  });

  it('A18: says what of a certificate in service is not as it was asked for', () => {
    const other = cert({ warning: 'no chain up to "X" could be had' });
    expect(certLines([other], palette, now).slice(2)).toEqual(['  └ no chain up to "X" could be had']);
  });

  it('says why nobody is asked', () => {
    const local = cert({ state: 'none', issuer: undefined, reason: 'ends in .local, which means nothing outside' });
    expect(certLines([local], palette, now).at(-1)).toBe(
      '  └ no authority is asked: it ends in .local, which means nothing outside',
    );
    expect(certLines([], palette, now)[0]).toContain('no domains');
  });
});
