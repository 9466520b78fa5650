import { kindOf, quote } from './read.ts';
import type { Read } from './table.ts';

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** The engine refuses less; a smaller number is a forgotten unit. */
const MIN_MEMORY = 6 * 2 ** 20;
const MAX_CPUS = 1024;

/** Bytes. A typo is an error: read loosely it would mean "no limit". */
export const memory: Read<number> = (value, at) => {
  const bytes = typeof value === 'string' ? parseSize(value) : value;
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes)) {
    const got = typeof value === 'string' ? quote(value) : kindOf(value);
    return at.error(`must be bytes or a size such as "512Mi" or "1G" (K M G T, Ki Mi Gi Ti), not ${got}`);
  }
  if (bytes >= MIN_MEMORY) return bytes;
  return at.error(`${bytes} bytes is less than the smallest possible limit, 6Mi; is the unit missing?`);
};

/** Bytes of something that crosses the network; the same spelling. */
export const bodySize: Read<number> = (value, at) => {
  const bytes = typeof value === 'string' ? parseSize(value) : value;
  if (typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  const got = typeof value === 'number' || typeof value === 'string' ? quote(String(value)) : kindOf(value);
  return at.error(`must be bytes or a size such as "10M" or "512Ki" (K M G T, Ki Mi Gi Ti), not ${got}`);
};

/** Cores: `0.5`, `"0.5"` or `"500m"`. */
export const cpus: Read<number> = (value, at) => {
  const cores = typeof value === 'string' ? parseCores(value) : value;
  if (typeof cores === 'number' && cores >= 0.01 && cores <= MAX_CPUS) return cores;
  const got = typeof value === 'string' ? quote(value) : kindOf(value);
  return at.error(`must be a number of cores such as 0.5 or "500m", from 0.01 to ${MAX_CPUS}, not ${got}`);
};

export function parseSize(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,15}(?:\.\d{1,6})?)([KMGT]i?)?$/.exec(text) ?? [];
  const factor = FACTORS[unit];
  return digits === undefined || factor === undefined ? undefined : Math.round(Number(digits) * factor);
}

function parseCores(text: string): number | undefined {
  const [, digits, milli] = /^(\d{1,6}(?:\.\d{1,3})?)(m)?$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) / (milli === undefined ? 1 : 1000);
}
