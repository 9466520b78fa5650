import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chooseWithin, expiryThreshold, nextWindowCheck, renewalOf } from '../src/renewal.ts';

const hour = 3_600_000;
const day = 24 * hour;
const life = (days: number, spread = 0): { notBefore: number; notAfter: number; spread: number } => ({
  notBefore: 0,
  notAfter: days * day,
  spread,
});

describe('when a certificate is renewed', () => {
  test('A11: without advice when less than a third of its own lifetime remains, half of a short one', () => {
    expect(renewalOf(life(90), undefined)).toEqual({ at: 60 * day, why: 'less than 1/3 of its lifetime remains' });
    expect(renewalOf(life(6), undefined)).toEqual({ at: 3 * day, why: 'less than 1/2 of its lifetime remains' });
  });

  test.each([90, 64, 45, 160 / 24, 120 / 86_400])('A12: a lifetime of %p days does not loop', (days) => {
    const { at } = renewalOf(life(days, 0.99), undefined);
    // A new certificate is not due, and there is time to fail many times before the old one ends.
    expect(at).toBeGreaterThan(days * day * 0.4);
    expect(at).toBeLessThan(days * day * 0.7);
  });

  test('A11: the authority decides inside its window, but not beyond the last twentieth', () => {
    const window = { start: 40 * day, end: 42 * day, chosenAt: 41 * day, explanationUrl: undefined };
    expect(renewalOf(life(90), window)).toEqual({ at: 41 * day, why: 'the authority suggests it' });
    const late = { ...window, end: 90 * day, chosenAt: 89 * day };
    expect(renewalOf(life(90), late)).toEqual({ at: 85.5 * day, why: 'less than 1/20 of its lifetime remains' });
  });

  test('A23: a window in the past (mass revocation) is due at once, and says why', () => {
    const explanationUrl = 'https://ca.test/incident';
    const window = chooseWithin({ start: -2 * day, end: -day, explanationUrl }, undefined, () => 0.5);
    expect(renewalOf(life(90), window).at).toBeLessThan(0);
    expect(renewalOf(life(90), window).why).toContain(explanationUrl);
  });

  test('A11: the instant is random inside the window, and kept while the window is the same', () => {
    const window = { start: 10, end: 20, explanationUrl: undefined };
    const first = chooseWithin(window, undefined, () => 0.25);
    expect(first.chosenAt).toBe(12.5);
    expect(chooseWithin(window, first, () => 0.9).chosenAt).toBe(12.5);
    expect(chooseWithin({ ...window, end: 30 }, first, () => 0.9).chosenAt).toBe(28);
  });

  test('A11: the window is asked for again as the authority says, between a minute and a day', () => {
    expect(nextWindowCheck(0, 6 * hour)).toBe(6 * hour);
    expect(nextWindowCheck(0, 1)).toBe(60_000);
    expect(nextWindowCheck(0, 9 * day)).toBe(day);
    expect(nextWindowCheck(0, undefined)).toBe(6 * hour);
  });

  test('A14: certificates of the same age are spread', () => {
    const at = [0, 0.25, 0.5, 0.99].map((spread) => renewalOf(life(90, spread), undefined).at);
    expect(new Set(at).size).toBe(4);
    expect(Math.max(...at) - Math.min(...at)).toBeGreaterThan(3 * day);
  });

  test('property: a renewal is due while the certificate lives, whatever the authority says', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1 / 1440, max: 400, noNaN: true }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.double({ min: -100, max: 500, noNaN: true }),
        (days, spread, chosen) => {
          const chosenAt = chosen * day;
          const window = { start: chosenAt, end: chosenAt, chosenAt, explanationUrl: undefined };
          expect(renewalOf(life(days, spread), window).at).toBeLessThan(days * day);
          expect(renewalOf(life(days, spread), undefined).at).toBeGreaterThan(0);
        },
      ),
    );
  });
});

describe('A25: warnings of expiry', () => {
  const at = (days: number, left: number): number | undefined => expiryThreshold(life(days), (days - left) * day);

  test('at 21, 7 and 1 days, and when it is over', () => {
    expect([30, 21, 10, 7, 3, 1, 0.5, 0, -1].map((left) => at(90, left))).toEqual([
      undefined,
      21,
      21,
      7,
      7,
      1,
      1,
      0,
      0,
    ]);
  });

  test('not for what a short-lived certificate reaches in the ordinary course of its life', () => {
    expect([21, 16, 14].map((left) => at(45, left))).toEqual([undefined, undefined, undefined]);
    expect(at(45, 6.9)).toBe(7);
    expect([6, 4].map((left) => at(160 / 24, left))).toEqual([undefined, undefined]);
    expect(at(160 / 24, 0.9)).toBe(1);
  });
});
