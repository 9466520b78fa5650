import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decide } from '../src/decide.ts';
import type { Failure } from '../src/failure.ts';
import { emptyRecord, underConfiguration, withFailure, withSaneTimes, withSuccess } from '../src/host-record.ts';
import { createSelfSignedCertificate, type Certificate, type HostRecord } from '../src/index.ts';

const now = Date.UTC(2026, 10, 26);
const day = 86_400_000;
let certificate: Certificate;
beforeAll(async () => {
  certificate = await createSelfSignedCertificate('a.test', now);
});

const order = {
  url: 'https://ca.test/o/1',
  keyPem: 'k',
  startedAt: now,
  challenge: 'http-01' as const,
  nextLookAt: now + 500,
  isRehearsal: false,
};
const asked: HostRecord = { ...emptyRecord, nextWindowCheckAt: now + day };

describe('what is to be done for a host', () => {
  test('without a certificate: begin, unless a failure says when', () => {
    expect(decide({ certificate: undefined, record: emptyRecord }, now)).toEqual({ do: 'begin' });
    const record = { ...emptyRecord, nextTryAt: now + 1000 };
    expect(decide({ certificate: undefined, record }, now)).toEqual({ do: 'wait', until: now + 1000 });
  });

  test('A22: an order that is under way comes before everything', () => {
    const record = { ...emptyRecord, order };
    expect(decide({ certificate, record }, now)).toEqual({ do: 'wait', until: now + 500 });
    expect(decide({ certificate, record }, now + 500)).toEqual({ do: 'look', order });
  });

  test('A11: with a certificate the authority’s advice is asked first, then the time decides', () => {
    expect(decide({ certificate, record: emptyRecord }, now)).toEqual({ do: 'ask-window' });
    expect(decide({ certificate, record: asked }, now)).toEqual({ do: 'wait', until: now + day });
    const late = certificate.notAfter - 10 * day;
    expect(decide({ certificate, record: { ...asked, nextWindowCheckAt: late + day } }, late)).toEqual({ do: 'begin' });
    expect(decide({ certificate, record: { ...asked, isForced: true } }, now)).toEqual({ do: 'begin' });
  });

  test('property: there is always a next time, and it is no further away than the next look at the advice', () => {
    const ms = fc.option(fc.integer({ min: now - 400 * day, max: now + 7 * day }), { nil: undefined });
    fc.assert(
      fc.property(ms, ms, fc.boolean(), (nextTryAt, nextWindowCheckAt, isForced) => {
        const record = { ...emptyRecord, nextTryAt, nextWindowCheckAt, isForced };
        const decision = decide({ certificate, record }, now);
        if (decision.do === 'wait') {
          expect(decision.until).toBeGreaterThan(now);
          expect(decision.until).toBeLessThanOrEqual(Math.max(nextWindowCheckAt ?? now, nextTryAt ?? now));
        }
      }),
    );
  });
});

describe('what is remembered of a host', () => {
  const failure = (kind: Failure['kind'], type = 't'): Failure => ({ kind, type, detail: 'd', retryAt: undefined });
  const at = { now, nextTryAt: now + 60_000, endsOrder: false };

  test('A16: an order outlives what says nothing about it', () => {
    const record = { ...emptyRecord, order };
    const kept = (kind: Failure['kind'], type?: string): boolean =>
      withFailure(record, failure(kind, type), at).order !== undefined;
    expect([kept('server'), kept('local'), kept('rate-limited')]).toEqual([true, true, true]);
    // Fetched again, not ordered again: authorities count how often a name is signed.
    expect(kept('local', 'ORCA_ACME_CERTIFICATE')).toBe(true);
    expect([kept('validation'), kept('refused'), kept('server', 'ORCA_ACME_TIMEOUT')]).toEqual([false, false, false]);
    expect(withFailure(record, failure('server'), { ...at, endsOrder: true }).order).toBeUndefined();
    expect(withFailure(record, failure('server'), at).order?.nextLookAt).toBe(at.nextTryAt);
  });

  test('A15: failures add up until a certificate is there, or the configuration is another', () => {
    const once = withFailure(underConfiguration(emptyRecord, 'one'), failure('validation'), at);
    const twice = withFailure(once, failure('server'), at);
    expect([twice.failures, twice.validationFailures]).toEqual([2, 1]);
    expect(underConfiguration(twice, 'one')).toEqual(twice);
    expect(underConfiguration(twice, 'two')).toMatchObject({ failures: 0, nextTryAt: undefined });
    expect(withSuccess(twice, 'one', { now: 0, notAfter: 0, replaced: undefined })).toMatchObject({
      failures: 0,
      lastFailure: undefined,
    });
  });

  test('A14: no third order follows right after a second, whatever the authority advises', () => {
    const replaced = { notBefore: now - 60_000 };
    const current = { serial: '1', notBefore: now - day, notAfter: now + 9 * day } as never;
    const window = { start: now - 2 * day, end: now - day, chosenAt: now - day, explanationUrl: undefined };
    const fresh = withSuccess(emptyRecord, 'one', { now, notAfter: now + 9 * day, replaced });
    const record: HostRecord = { ...fresh, window, nextWindowCheckAt: now + day };
    expect(decide({ certificate: current, record }, now)).toEqual({ do: 'wait', until: now + 3_600_000 });
    expect(withSuccess(emptyRecord, 'one', { now, notAfter: now + 120_000, replaced }).nextTryAt).toBe(now + 12_000);
    const old = { notBefore: now - 60 * day };
    for (const before of [undefined, old])
      expect(withSuccess(emptyRecord, 'one', { now, notAfter: now + day, replaced: before }).nextTryAt).toBeUndefined();
  });

  test('A24: times that a wrong clock wrote down are due now', () => {
    const year = now + 365 * day;
    const wrong: HostRecord = {
      ...emptyRecord,
      nextTryAt: year,
      nextWindowCheckAt: year,
      order: { ...order, startedAt: year, nextLookAt: year },
    };
    expect(withSaneTimes(wrong, now)).toMatchObject({
      nextTryAt: now,
      nextWindowCheckAt: now,
      order: { startedAt: now, nextLookAt: now },
    });
    const right = { ...emptyRecord, nextTryAt: now + 7 * day, order };
    expect(withSaneTimes(right, now)).toEqual(right);
  });
});
