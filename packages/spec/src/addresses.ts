import { isIP } from 'node:net';
import { parsedText, quote, Refusal } from './read.ts';
import type { Read } from './table.ts';

export const ipAddress: Read<string> = parsedText((written) =>
  isIP(written) === 0 ? new Refusal(`${quote(written)} is not an IP address`) : written,
);

/** `10.0.0.0/8`, `fd00::/8`, or one address. */
export const ipNetwork: Read<string> = parsedText((written) => {
  const [address = '', bits, ...more] = written.split('/');
  const longest = isIP(address) === 4 ? 32 : 128;
  const isLength = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest);
  if (isIP(address) !== 0 && isLength && more.length === 0) return written;
  return new Refusal(`${quote(written)} is not a network: write "10.0.0.0/8", "fd00::/8" or one address`);
});
