import { randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { AcmeError, messageOf } from './errors.ts';
import { http01Prefix, type Http01 } from './http01.ts';
import type { Transport } from './ports.ts';

/**
 * Asked before an authority is (A10). Throws `ORCA_ACME_PREFLIGHT` when the name certainly does
 * not lead here. Resolves with a doubt in words when it cannot be told: the authority then has
 * the last word.
 */
export type Preflight = (host: string, signal: AbortSignal) => Promise<string | undefined>;

export interface SelfCheckOptions {
  /** Addresses of a name; empty when it has none. Throws when nobody can be asked. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly transport: Transport;
  readonly http01: Http01;
  /** Where the public reaches this machine by plain HTTP: 80 to any authority of the public. */
  readonly port?: number;
}

/** A name may have any number of addresses that nobody answers at; others wait for their turn meanwhile. */
const mostAddresses = 8;
const askWithinMs = 10_000;

/**
 * Asks for a random token through the public name. Another answer means that the name leads to
 * somebody else. No connection proves nothing: many routers do not lead a machine back to itself.
 */
export const selfCheck = ({ resolve, transport, http01, port = 80 }: SelfCheckOptions): Preflight => {
  const ask = async (
    host: string,
    address: string,
    token: string,
    signal: AbortSignal,
  ): Promise<string | undefined> => {
    const authority = `${isIPv6(address) ? `[${address}]` : address}${port === 80 ? '' : `:${port}`}`;
    const url = `http://${authority}${http01Prefix}${token}`;
    const response = await transport({ method: 'GET', url, headers: { host } }, signal);
    // A front that redirects everything to HTTPS is followed by authorities, not by us.
    if (response.status >= 300 && response.status < 400) return undefined;
    if (response.status === 200 && response.body.trim() === token) return undefined;
    return `${address} answers with ${response.status}${response.status === 200 ? ' and another text' : ''}`;
  };
  return async (host, signal) => {
    const addresses = await addressesOf(resolve, host);
    const token = `orca-check-${randomBytes(12).toString('hex')}`;
    const hide = await http01.show(token, token);
    const doubts: string[] = [];
    try {
      const asked = AbortSignal.any([signal, AbortSignal.timeout(askWithinMs)]);
      const answers = await Promise.allSettled(
        addresses.slice(0, mostAddresses).map((address) => ask(host, address, token, asked)),
      );
      signal.throwIfAborted();
      for (const [i, answer] of answers.entries()) {
        if (answer.status === 'rejected') doubts.push(`${addresses[i]}: ${messageOf(answer.reason)}`);
        else if (answer.value !== undefined) throw elsewhere(host, answer.value);
      }
    } finally {
      await hide();
    }
    return doubts.length === 0
      ? undefined
      : `${host} could not be reached from here on port ${port} (${doubts.join('; ')})`;
  };
};

const addressesOf = async (resolve: SelfCheckOptions['resolve'], host: string): Promise<readonly string[]> => {
  let addresses: readonly string[];
  try {
    addresses = await resolve(host);
  } catch (cause) {
    throw new AcmeError('ORCA_ACME_PREFLIGHT', `${host} cannot be looked up: ${messageOf(cause)}`, { cause });
  }
  if (addresses.length > 0) return addresses;
  throw new AcmeError(
    'ORCA_ACME_PREFLIGHT',
    `${host} has no address in DNS: add an A or AAAA record that leads to this machine`,
  );
};

const elsewhere = (host: string, fault: string): AcmeError =>
  new AcmeError(
    'ORCA_ACME_PREFLIGHT',
    `${host} does not lead to this machine on port 80: ${fault}. Check its A and AAAA records, and what stands before this machine`,
  );
