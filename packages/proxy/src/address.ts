import { isIP } from 'node:net';

/** Without zone, and an IPv4 client as such whatever socket it came through. */
export const plainAddress = (address: string): string => {
  const bare = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  // The same, as it is written in groups.
  const groups = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(bare);
  if (groups === null) return bare;
  const [high, low] = [groups[1], groups[2]].map((group) => Number.parseInt(group ?? '', 16));
  return [high, low].flatMap((part = 0) => [part >> 8, part & 0xff]).join('.');
};

/** The address in one element of X-Forwarded-For, which some write with a port or brackets. */
export const addressIn = (element: string): string | undefined => {
  const text = element.trim();
  const bare =
    /^\[(?<v6>[^\]]*)\](?::\d{1,5})?$/.exec(text)?.groups?.['v6'] ?? text.replace(/^([\d.]+):\d{1,5}$/, '$1');
  const address = plainAddress(bare);
  return isIP(address) === 0 ? undefined : address;
};

/** Who counts as one client: an IPv4 address, or the /64 that an IPv6 site hands out as it likes. */
export const clientKey = (address: string): string => (address.includes(':') ? networkOf(address) : address);

const networkOf = (address: string): string => {
  const [head = '', tail] = address.toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  // An embedded IPv4 part stands for two groups.
  const length = before.length + after.length + (address.includes('.') ? 1 : 0);
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - length) }, () => '0');
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
};
