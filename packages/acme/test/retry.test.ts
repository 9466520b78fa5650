import { describe, expect, test } from '@jest/globals';
import { AcmeError } from '../src/errors.ts';
import { failureOf, type Failure, type FailureKind } from '../src/failure.ts';
import { nextOrderAt } from '../src/order-rate.ts';
import { parseProblem } from '../src/problem.ts';
import { retryAfter } from '../src/retry-after.ts';
import { nextTryAt } from '../src/retry.ts';

const minute = 60_000;
const failure = (kind: FailureKind, retryAt?: number): Failure => ({ kind, type: 't', detail: 'd', retryAt });
const waits = (kind: FailureKind, count: number, retryAt?: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => {
    const input = { failures: i + 1, failure: failure(kind, retryAt), now: 0, notAfter: undefined, random: 0 };
    return nextTryAt(input) / minute;
  });

describe('when a failed host is tried again', () => {
  test('A15: 1, 2, 2, 5, 10, 10, 10, 20 minutes … 6 hours', () => {
    const all = waits('validation', 30);
    expect(all.slice(0, 8)).toEqual([1, 2, 2, 5, 10, 10, 10, 20]);
    expect(all.at(-1)).toBe(360);
    expect(all).toEqual(all.toSorted((a, b) => a - b));
  });

  test('A15: the first hour stays near what an authority allows in an hour', () => {
    let at = 0;
    const tries = waits('validation', 20).filter((wait) => (at += wait) <= 60);
    expect(tries.length).toBeLessThanOrEqual(8);
  });

  test('A15: Retry-After is the earliest next try, in seconds or as a date', () => {
    const now = Date.parse('2026-11-26T10:00:00Z');
    expect(retryAfter('3600', now)).toBe(now + 3_600_000);
    expect(retryAfter('Thu, 26 Nov 2026 12:00:00 GMT', now)).toBe(now + 7_200_000);
    expect(retryAfter('soon', now)).toBeUndefined();
    expect(waits('rate-limited', 1, 3 * 60 * minute)).toEqual([180]);
    expect(waits('validation', 1, 3 * 60 * minute)).toEqual([180]);
  });

  test('A16: what was refused is asked for once a day, and more often while a certificate is there to be lost', () => {
    const waitWith = (notAfter: number | undefined): number =>
      nextTryAt({ failures: 1, failure: failure('refused'), now: 0, notAfter, random: 0 }) / minute;
    expect([waitWith(undefined), waitWith(60 * minute), waitWith(8 * 60 * minute)]).toEqual([1440, 15, 120]);
  });

  test('A15: an authority that asks for a year is not taken at its word', () => {
    expect(waits('rate-limited', 1, 365 * 1440 * minute)).toEqual([7 * 1440]);
  });

  test('many that failed together do not come back together', () => {
    const input = { failures: 1, failure: failure('server'), now: 0, notAfter: undefined };
    expect(nextTryAt({ ...input, random: 0.9 })).toBeGreaterThan(nextTryAt({ ...input, random: 0 }));
  });

  test('a certificate that is about to expire makes the schedule hurry, but not spin', () => {
    const at = (left: number): number =>
      nextTryAt({ failures: 20, failure: failure('validation'), now: 0, notAfter: left, random: 0 });
    expect(at(40 * minute)).toBe(10 * minute);
    expect(at(1000)).toBe(10_000);
    expect(at(-1)).toBe(360 * minute);
  });
});

describe('A16: what a failure asks for', () => {
  const problem = (type: string, status = 403): Failure =>
    failureOf(
      new AcmeError('ORCA_ACME_PROBLEM', 'm', {
        problem: parseProblem({ type: `urn:ietf:params:acme:error:${type}`, detail: 'because' }, status),
      }),
    );

  test.each<[string, FailureKind]>([
    ['rateLimited', 'rate-limited'],
    ['rejectedIdentifier', 'refused'],
    ['caa', 'refused'],
    ['unsupportedIdentifier', 'refused'],
    ['dns', 'validation'],
    ['connection', 'validation'],
    ['unauthorized', 'validation'],
    ['serverInternal', 'server'],
    ['accountDoesNotExist', 'server'],
    ['badNonce', 'server'],
  ])('%s is %s', (type, kind) => {
    expect(problem(type)).toMatchObject({ kind, type, detail: `${type}: because` });
  });

  test('a type that nobody knows is judged by its status', () => {
    expect(problem('newFangled', 503).kind).toBe('server');
    expect(problem('newFangled', 429).kind).toBe('rate-limited');
    expect(problem('newFangled', 400).kind).toBe('refused');
    const page = new AcmeError('ORCA_ACME_PROBLEM', 'm', { problem: parseProblem(undefined, 400) });
    expect(failureOf(page)).toMatchObject({ kind: 'server', type: 'http400' });
  });

  test("the authority's words are kept, subproblems included, and nothing that could move a terminal", () => {
    const said = parseProblem(
      {
        type: 'urn:ietf:params:acme:error:compound',
        detail: 'two\u001B[31m\nnames',
        subproblems: [
          { type: 'urn:ietf:params:acme:error:caa', detail: 'no', identifier: { type: 'dns', value: 'a.test' } },
        ],
      },
      403,
    );
    const { detail } = failureOf(new AcmeError('ORCA_ACME_PROBLEM', 'm', { problem: said }));
    expect(detail).toBe('compound: two [31m names; a.test: caa: no');
  });

  test('what is no ACME error is local, and named', () => {
    expect(failureOf(new Error('disk on fire'))).toMatchObject({ kind: 'local', detail: 'disk on fire' });
  });
});

describe('A14: how fast orders are placed', () => {
  test('ten in ten seconds, then one for each that falls out of the window', () => {
    const begun = Array.from({ length: 10 }, (_, i) => 1000 + i * 100);
    expect(nextOrderAt(begun.slice(1), 2000)).toBe(2000);
    expect(nextOrderAt(begun, 2000)).toBe(11_000);
    expect(nextOrderAt(begun, 11_001)).toBe(11_001);
  });
});
