import { BlockList, isIP } from 'node:net';
import { addressIn } from './address.ts';
import { ProxyError } from './errors.ts';
import { fieldValues } from './raw-fields.ts';
import type { RawFields } from './upstream.ts';

/** Whether a peer may say where its requests come from. */
export type Trust = (address: string) => boolean;

/** Networks as `10.0.0.0/8`, `fd00::/8` or single addresses. None: nobody is trusted. */
export const compileTrust = (networks: readonly string[], what = 'trusted proxy'): Trust => {
  if (networks.length === 0) return () => false;
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits, ...more] = network.split('/');
    const version = isIP(address);
    const longest = version === 4 ? 32 : 128;
    const length = bits === undefined ? longest : Number(bits);
    const isLength = (bits === undefined || /^\d{1,3}$/.test(bits)) && length <= longest;
    if (version === 0 || !isLength || more.length > 0) throw notNetwork(network, what);
    list.addSubnet(address, length, familyOf(address));
  }
  return (address) => list.check(address, familyOf(address));
};

/**
 * The client behind trusted peers: the right-most hop of X-Forwarded-For that is not trusted
 * itself. What stands left of it is hearsay; an element that is no address ends the search.
 */
export const clientBehind = (peer: string, fields: RawFields, trust: Trust): string => {
  let client = peer;
  const hops = fieldValues(fields, 'x-forwarded-for').flatMap((value) => value.split(','));
  for (const hop of hops.toReversed()) {
    if (!trust(client)) return client;
    const address = addressIn(hop);
    if (address === undefined) return client;
    client = address;
  }
  return client;
};

const familyOf = (address: string): 'ipv4' | 'ipv6' => (address.includes(':') ? 'ipv6' : 'ipv4');

const notNetwork = (network: string, what: string): ProxyError =>
  new ProxyError(
    'ORCA_PROXY_SETTINGS_INVALID',
    `${what} ${JSON.stringify(network)} is no network (write 10.0.0.0/8, fd00::/8 or one address)`,
  );
