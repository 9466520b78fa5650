import { beforeAll, describe, expect, it } from '@jest/globals';
import { createSelfSignedCertificate, type Certificate, type HostState } from '@orca/acme';
import { certMetrics } from '../src/certificates/cert-metrics.ts';
import { wireCert } from '../src/certificates/cert-plane.ts';
import { hostCertificates, type HostCertificate } from '../src/certificates/host-certificates.ts';
import { Counts } from '../src/certificates/counts.ts';
import { published, stampOf } from '../src/certificates/published.ts';

const now = Date.UTC(2026, 10, 26);
const day = 86_400_000;
let pair: Certificate;
beforeAll(async () => {
  pair = await createSelfSignedCertificate('a.test', now);
});

const state = (change: Partial<HostState>): HostCertificate => ({
  host: 'a.test',
  source: 'acme',
  state: 'valid',
  certificate: { issuer: 'R11', serial: '0a', notBefore: now - day, notAfter: now + 89.5 * day },
  renewal: { at: now + 60 * day, why: 'less than 1/3 of its lifetime remains' },
  lastFailure: undefined,
  failures: 0,
  nextTryAt: now + 60 * day,
  warning: undefined,
  reason: undefined,
  ...change,
});

describe('what the proxy is to serve', () => {
  it('P67: redirects only to a real certificate that is valid now', () => {
    const shown = { host: 'a.test', pair };
    expect(published([{ ...shown, isReal: true }], now).httpsHosts).toEqual(['a.test']);
    expect(published([{ ...shown, isReal: false }], now).httpsHosts).toEqual([]);
    expect(published([{ ...shown, isReal: true }], pair.notAfter).httpsHosts).toEqual([]);
    expect(published([{ ...shown, isReal: true }], pair.notBefore - 1).httpsHosts).toEqual([]);
  });

  it('A9: has a certificate for every domain, a real one or not', () => {
    const { certificates } = published([{ host: 'a.test', pair, isReal: false }], now);
    expect(certificates).toEqual([{ names: ['a.test'], certPem: pair.certPem, keyPem: pair.keyPem }]);
  });

  it('is published again when a certificate or its validity changes, and only then', () => {
    const at = (ms: number): string => stampOf(published([{ host: 'a.test', pair, isReal: true }], ms));
    expect(at(now)).toBe(at(now + day));
    expect(at(pair.notAfter)).not.toBe(at(now));
    expect(at(now)).not.toContain('PRIVATE KEY');
  });
});

describe('A25: whose certificate a host has', () => {
  const file = { hosts: ['a.test'], certPath: '/c', keyPath: '/k', fault: undefined };
  const sources = { hosts: ['a.test', 'b.test'], managed: [state({})], whyNobody: 'nobody is named', now };

  it('a file of the user’s wins over an authority; without either it is said why', () => {
    const all = hostCertificates({ ...sources, files: [{ ...file, certificate: pair }] });
    expect(all.map((one) => [one.host, one.source, one.state, one.reason])).toEqual([
      ['a.test', 'file', 'valid', undefined],
      ['b.test', 'none', 'none', 'nobody is named'],
    ]);
    expect(hostCertificates({ ...sources, files: [] })[0]).toMatchObject({ source: 'acme', state: 'valid' });
  });

  it('a file that expired, or cannot be read, is failed, and says so', () => {
    const late = { ...sources, now: pair.notAfter };
    expect(hostCertificates({ ...late, files: [{ ...file, certificate: pair }] })[0]).toMatchObject({
      state: 'failed',
      reason: 'the certificate in the file has expired',
    });
    const torn = { ...file, certificate: undefined, fault: '/c: ENOENT' };
    expect(hostCertificates({ ...sources, files: [torn] })[0]).toMatchObject({ state: 'failed', reason: '/c: ENOENT' });
  });
});

describe('what is told of certificates', () => {
  it('A9: times, days that are left, and the failure in the authority’s words', () => {
    const lastFailure = {
      kind: 'validation',
      type: 'dns',
      detail: 'dns: NXDOMAIN',
      at: now,
      retryAt: undefined,
    } as const;
    expect(wireCert(state({ state: 'failed', certificate: undefined, lastFailure, failures: 2 }), now)).toMatchObject({
      daysLeft: undefined,
      lastError: { type: 'dns', detail: 'dns: NXDOMAIN', at: '2026-11-26T00:00:00.000Z' },
      failures: 2,
    });
    expect(wireCert(state({}), now)).toMatchObject({ daysLeft: 89, issuer: 'R11' });
    expect(wireCert(state({ nextTryAt: Infinity }), now).nextTryAt).toBeUndefined();
  });

  it('A25: metrics: seconds to expiry for each host, failures by type', () => {
    const counts = new Counts();
    const failure = { kind: 'server', type: 'http503', detail: 'x', retryAt: undefined } as const;
    counts.hear({ type: 'failed', host: 'b.test', failure, nextTryAt: now });
    counts.hear({ type: 'issued', host: 'a.test', certificate: pair, isRenewal: false });
    const none = state({ host: 'b.test', state: 'failed', certificate: undefined });
    const text = certMetrics({ state: () => [state({}), none], counts }, now);
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
      `orca_certificate_expires_seconds{host="a.test",source="acme"} ${89.5 * 86_400}`,
      'orca_certificate_valid{host="a.test"} 1',
      'orca_certificate_valid{host="b.test"} 0',
      'orca_certificates_issued_total 1',
      'orca_certificate_failures_total{type="http503"} 1',
    ]);
  });
});
