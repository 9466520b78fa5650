import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { PemPair } from './self-signed.ts';

export type CheckedPair =
  | { readonly ok: true; readonly leaf: X509Certificate; /** In order, without the root. */ readonly chainPem: string }
  | { readonly ok: false; readonly reason: string };

/**
 * Whether a certificate can be served under these names at all. A pair that cannot is refused
 * here, where somebody reads the reason, and not by every client of the site.
 */
export const checkPair = ({ certPem, keyPem }: PemPair, names: readonly string[]): CheckedPair => {
  const blocks = certPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const chain: X509Certificate[] = [];
  for (const block of blocks) {
    try {
      chain.push(new X509Certificate(block));
    } catch {
      return refuse(`certificate ${chain.length + 1} of the chain cannot be read`);
    }
  }
  const [leaf] = chain;
  if (leaf === undefined) return refuse('there is no certificate in the text');
  if (!isKeyOf(leaf, keyPem)) return refuse('the key does not belong to the first certificate, or cannot be read');
  const stray = chain.findIndex((one, at) => at > 0 && chain[at - 1]?.checkIssued(one) !== true);
  if (stray !== -1)
    return refuse(`the chain is out of order: certificate ${stray + 1} did not issue the one before it`);
  const uncovered = names.find((name) => !covers(leaf, name));
  if (uncovered !== undefined) return refuse(`the certificate is not for ${uncovered}`);
  // Clients have the root, or do not trust it; sending it is waste.
  const isRoot = (one: X509Certificate): boolean => one !== leaf && one.checkIssued(one);
  return { ok: true, leaf, chainPem: chain.filter((one) => !isRoot(one)).join('') };
};

/** Whether a client that asked for this name would accept the certificate for it. */
export const covers = (leaf: X509Certificate, name: string): boolean => {
  // A wildcard has to cover whatever stands in its place.
  const host = name.startsWith('*.') ? `any${name.slice(1)}` : name;
  const found = hostIn(leaf, host);
  return found !== undefined && (!name.startsWith('*.') || found.startsWith('*.'));
};

/** A name that can be none, for a zero byte in it, is thrown out by OpenSSL. */
const hostIn = (leaf: X509Certificate, host: string): string | undefined => {
  try {
    return leaf.checkHost(host, { partialWildcards: false });
  } catch {
    return undefined;
  }
};

const refuse = (reason: string): CheckedPair => ({ ok: false, reason });

const isKeyOf = (leaf: X509Certificate, keyPem: string): boolean => {
  try {
    return leaf.checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
};
