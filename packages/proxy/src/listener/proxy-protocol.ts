import { isIPv4, isIPv6 } from 'node:net';
import type { Judge } from './first-bytes.ts';

/** What the load balancer in front says about a connection. */
export type ProxyHeader =
  | { readonly kind: 'source'; readonly address: string }
  /** The balancer speaks for itself, as in its health checks: the socket's own peer counts. */
  | { readonly kind: 'local' }
  | { readonly kind: 'malformed'; readonly reason: string };

/**
 * Reads the PROXY protocol, versions 1 and 2, as the haproxy.org specification has it, and
 * nothing near it: whoever may say where a connection comes from must say it exactly.
 */
export const judgeProxyHeader: Judge<ProxyHeader> = (bytes) => {
  const shared = Math.min(bytes.length, signature.length);
  if (bytes.subarray(0, shared).equals(signature.subarray(0, shared))) return judgeBinary(bytes);
  const begun = Math.min(bytes.length, opening.length);
  if (bytes.subarray(0, begun).equals(opening.subarray(0, begun))) return judgeText(bytes);
  return malformed('no PROXY header');
};

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const opening = Buffer.from('PROXY ');
/** The longest line that version 1 allows, with its end. */
const longestLine = 107;
/** Addresses and what else a balancer may say; far above what any says. */
const longestBinary = 2_048;

const malformed = (reason: string): ReturnType<Judge<ProxyHeader>> => ({
  value: { kind: 'malformed', reason },
  used: 0,
});

const judgeText: Judge<ProxyHeader> = (bytes) => {
  const end = bytes.indexOf('\r\n');
  if (end === -1) return bytes.length < longestLine ? undefined : malformed('PROXY line without an end');
  if (end + 2 > longestLine) return malformed('PROXY line too long');
  const used = end + 2;
  const [, family, source = '', destination = '', ...ports] = bytes.toString('latin1', 0, end).split(' ');
  if (family === 'UNKNOWN') return { value: { kind: 'local' }, used };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (isAddress === undefined) return malformed('PROXY line of another family');
  if (!isAddress(source) || !isAddress(destination)) return malformed('PROXY line with a bad address');
  if (ports.length !== 2 || !ports.every(isPort)) return malformed('PROXY line with bad ports');
  return { value: { kind: 'source', address: source }, used };
};

const isPort = (text: string): boolean => /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

const judgeBinary: Judge<ProxyHeader> = (bytes) => {
  const head = signature.length + 4;
  if (bytes.length < head) return undefined;
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const length = bytes.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21) return malformed('PROXY header of another version or command');
  if (length > longestBinary) return malformed('PROXY header too long');
  if (bytes.length < head + length) return undefined;
  const payload = bytes.subarray(head, head + length);
  const used = head + length;
  if (command === 0x20) return { value: { kind: 'local' }, used };
  const size = family === 0x11 ? 4 : family === 0x21 ? 16 : undefined;
  if (size === undefined) return malformed('PROXY header of another family');
  const addresses = 2 * size + 4;
  if (length < addresses || !areFields(payload.subarray(addresses))) return malformed('PROXY header cut short');
  return { value: { kind: 'source', address: addressOf(payload.subarray(0, size)) }, used };
};

/** Type, two bytes of length, value; to the very end. */
const areFields = (bytes: Buffer): boolean => {
  let at = 0;
  while (at + 3 <= bytes.length) at += 3 + bytes.readUInt16BE(at + 1);
  return at === bytes.length;
};

const addressOf = (bytes: Buffer): string => {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  // Node writes the shortest form, as for a socket.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
};
