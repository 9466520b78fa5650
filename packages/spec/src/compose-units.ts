import { kindOf, quote } from './read.ts';
import type { Read } from './table.ts';

/** As Compose reads them: powers of 1024, in either case, with or without a final b. */
const FACTORS: Readonly<Record<string, number>> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes from a number or from Compose's `"64m"`; its units differ from those of `memory` and are kept apart. */
export const composeSize: Read<number> = (value, at) => {
  const bytes = typeof value === 'string' ? parseComposeSize(value) : value;
  if (typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  const got = typeof value === 'string' ? quote(value) : kindOf(value);
  return at.error(`must be bytes or a size such as "64m" or "1gb" (b k m g t), not ${got}`);
};

export function parseComposeSize(text: string): number | undefined {
  const [, digits, unit = 'b'] = /^(\d{1,12}(?:\.\d{1,6})?)(?:([bkmgt])b?)?$/i.exec(text) ?? [];
  const factor = FACTORS[unit.toLowerCase()];
  return digits === undefined || factor === undefined ? undefined : Math.round(Number(digits) * factor);
}

const SECONDS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001, us: 0.000_001 };

/** Milliseconds from Compose's `"1m30s"`. */
export function composeDuration(maxMs: number): Read<number> {
  return (value, at) => {
    const ms = typeof value === 'string' ? parseComposeDuration(value) : undefined;
    if (ms !== undefined && ms <= maxMs) return ms;
    const got = typeof value === 'string' ? quote(value) : kindOf(value);
    return at.error(`must be a duration such as "30s" or "1m30s", at most ${maxMs / 1000} s, not ${got}`);
  };
}

function parseComposeDuration(text: string): number | undefined {
  if (!/^(?:\d{1,9}(?:\.\d{1,6})?(?:h|ms|us|m|s))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|m|s)/g)];
  return Math.round(
    parts.reduce((sum, [, digits, unit = 's']) => sum + Number(digits) * (SECONDS[unit] ?? 0), 0) * 1000,
  );
}
