import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readParts, readTlv, tag, contextTag, implicitTag, type Tlv } from './der.ts';
import { AcmeError, messageOf } from './errors.ts';
import { coversHost } from './host-name.ts';

/** A key pair's public half as a certificate authority signed it, with its private half. */
export interface Certificate {
  readonly names: readonly string[];
  /** Leaf first, then what leads to the root, without the root. */
  readonly certPem: string;
  readonly keyPem: string;
  /** Milliseconds since the epoch, as read from the certificate: a lifetime is never assumed. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Common name or organisation of who signed it. */
  readonly issuer: string;
  /** Hexadecimal. */
  readonly serial: string;
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** An authority's clock may be a little ahead of ours. */
const skewMs = 3_600_000;

/** Reads a pair; throws `ORCA_ACME_CERTIFICATE` when it is torn, or the two do not belong together. */
export const readCertificate = (certPem: string, keyPem: string): Certificate => {
  const chain = splitChain(certPem);
  try {
    const [leaf] = chain.map((pem) => new X509Certificate(pem));
    if (leaf === undefined) throw new Error('there is no certificate in it');
    if (!leaf.checkPrivateKey(createPrivateKey(keyPem))) throw new Error('the key is not the one it was made for');
    return {
      names: namesOf(leaf),
      certPem: `${chain.join('\n')}\n`,
      keyPem: `${keyPem.trim()}\n`,
      notBefore: Date.parse(leaf.validFrom),
      notAfter: Date.parse(leaf.validTo),
      issuer: issuerOf(leaf),
      serial: leaf.serialNumber.toLowerCase(),
    };
  } catch (cause) {
    throw new AcmeError('ORCA_ACME_CERTIFICATE', `not a usable certificate: ${messageOf(cause)}`, { cause });
  }
};

/** Throws unless the certificate can serve the host now (A17). */
export const assertServes = (certificate: Certificate, host: string, now: number): void => {
  const { names, notBefore, notAfter } = certificate;
  const fault = !coversHost(names, host)
    ? `it is for ${names.join(', ')}`
    : now >= notAfter
      ? `it expired on ${new Date(notAfter).toISOString()}`
      : notBefore > now + skewMs
        ? `it is not valid before ${new Date(notBefore).toISOString()}`
        : undefined;
  if (fault !== undefined)
    throw new AcmeError('ORCA_ACME_CERTIFICATE', `the certificate cannot serve ${host}: ${fault}`);
};

export const splitChain = (certPem: string): readonly string[] => certPem.match(pemCertificate) ?? [];

/** Common name of who signed the last one of a chain, by which alternative chains are told apart. */
export const topIssuer = (certPem: string): string => {
  const last = splitChain(certPem).at(-1);
  return last === undefined ? '' : issuerOf(new X509Certificate(last));
};

/**
 * What names a certificate to the authority (RFC 9773, section 4.1): the key identifier of who
 * signed it and its serial number. `undefined` when it does not say who signed it.
 */
export const renewalId = (certPem: string): string | undefined => {
  const [leaf] = splitChain(certPem);
  if (leaf === undefined) return undefined;
  try {
    const body = readTlv(readTlv(new X509Certificate(leaf).raw).content);
    const parts = readParts(body.content);
    const serial = parts.find((part) => part.tag === tag.integer);
    const keyId = authorityKeyId(parts.find((part) => part.tag === contextTag(3)));
    if (serial === undefined || keyId === undefined) return undefined;
    return `${keyId.toString('base64url')}.${serial.content.toString('base64url')}`;
  } catch {
    // A certificate that OpenSSL reads and this does not: it goes without the authority's advice.
    return undefined;
  }
};

const authorityKeyOid = Buffer.from([0x55, 0x1d, 0x23]);

const authorityKeyId = (extensions: Tlv | undefined): Buffer | undefined => {
  if (extensions === undefined) return undefined;
  for (const { content } of readParts(readTlv(extensions.content).content)) {
    const [id, ...rest] = readParts(content);
    const value = rest.at(-1);
    if (id === undefined || value === undefined || !id.content.equals(authorityKeyOid)) continue;
    return readParts(readTlv(value.content).content).find((part) => part.tag === implicitTag(0))?.content;
  }
  return undefined;
};

const namesOf = (leaf: X509Certificate): readonly string[] =>
  (leaf.subjectAltName ?? '')
    .split(', ')
    .flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4).toLowerCase()] : []));

const issuerOf = (leaf: X509Certificate): string => {
  const fields = new Map(
    leaf.issuer.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return fields.get('CN') ?? fields.get('O') ?? leaf.issuer.replaceAll('\n', ', ');
};
