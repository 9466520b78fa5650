import { createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto';
import { bitString, contextTag, implicitTag, integer, oid, sequence, tag, time, tlv } from './der.ts';

/** A certificate request for these names (RFC 2986), without a common name: names are in the extension. */
export const createCsr = (names: readonly string[], key: KeyObject): Buffer => {
  const extensions = tlv(tag.set, sequence(altNames(names)));
  const attributes = tlv(contextTag(0), sequence(oid('1.2.840.113549.1.9.14'), extensions));
  const info = sequence(integer(Buffer.from([0])), sequence(), publicKeyInfo(key), attributes);
  return signed(info, key);
};

export interface SelfSignedOptions {
  readonly names: readonly string[];
  readonly key: KeyObject;
  readonly notBefore: number;
  readonly notAfter: number;
  /** SHA-256 of a key authorization: makes it an answer to tls-alpn-01 (RFC 8737, section 3). */
  readonly acmeIdentifier?: Uint8Array;
}

/** A certificate that its own key signed, in PEM. */
export const createSelfSigned = ({ names, key, notBefore, notAfter, acmeIdentifier }: SelfSignedOptions): string => {
  const name = sequence(tlv(tag.set, sequence(oid('2.5.4.3'), tlv(tag.utf8, Buffer.from('orca self-signed')))));
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const extensions = [altNames(names), ...(acmeIdentifier === undefined ? [] : [challengeExtension(acmeIdentifier)])];
  const body = sequence(
    tlv(contextTag(0), integer(Buffer.from([2]))),
    integer(serial),
    signatureAlgorithm(key),
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    publicKeyInfo(key),
    tlv(contextTag(3), sequence(...extensions)),
  );
  return toPem('CERTIFICATE', signed(body, key));
};

export const toPem = (label: string, der: Buffer): string => {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
};

const altNames = (names: readonly string[]): Buffer => {
  const general = names.map((name) => tlv(implicitTag(2), Buffer.from(name, 'ascii')));
  return sequence(oid('2.5.29.17'), tlv(tag.octetString, sequence(...general)));
};

const challengeExtension = (digest: Uint8Array): Buffer =>
  sequence(
    oid('1.3.6.1.5.5.7.1.31'),
    tlv(tag.boolean, Buffer.from([0xff])),
    tlv(tag.octetString, tlv(tag.octetString, digest)),
  );

const publicKeyInfo = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' });

const signatureAlgorithm = (key: KeyObject): Buffer =>
  key.asymmetricKeyType === 'rsa'
    ? sequence(oid('1.2.840.113549.1.1.11'), tlv(tag.null))
    : sequence(oid('1.2.840.10045.4.3.2'));

const signed = (body: Buffer, key: KeyObject): Buffer =>
  sequence(body, signatureAlgorithm(key), bitString(sign('sha256', body, key)));
