import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { pem, sequence, tagged, time } from '../../src/tls/der.ts';

/** An authority that signs what it is told; certificates are made here so that no tool has to be there. */
export interface Authority {
  readonly certPem: string;
  readonly name: string;
  readonly key: KeyObject;
}

export interface Issued {
  readonly certPem: string;
  readonly keyPem: string;
}

const dayMs = 86_400_000;
const oid = (hex: string): Buffer => tagged(0x06, Buffer.from(hex, 'hex'));
const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
const nameOf = (name: string): Buffer =>
  sequence(tagged(0x31, sequence(oid('550403'), tagged(0x0c, Buffer.from(name)))));
const extension = (id: string, value: Buffer, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [tagged(0x01, Buffer.of(0xff))] : []), tagged(0x04, value));

interface Body {
  readonly subject: string;
  readonly extensions: readonly Buffer[];
}

const issue = ({ subject, extensions }: Body, issuer?: Authority): Authority & Issued => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Date.now();
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.of(2))),
    tagged(0x02, Buffer.concat([Buffer.of(1), randomBytes(15)])),
    ecdsaWithSha256,
    nameOf(issuer?.name ?? subject),
    sequence(time(now - dayMs), time(now + dayMs)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = tagged(0x03, Buffer.concat([Buffer.of(0), sign('sha256', body, issuer?.key ?? privateKey)]));
  return {
    name: subject,
    key: privateKey,
    certPem: pem('CERTIFICATE', sequence(body, ecdsaWithSha256, signature)),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
};

const isAuthority = extension('551d13', sequence(tagged(0x01, Buffer.of(0xff))), true);

export const anAuthority = (name: string, issuer?: Authority): Authority & Issued =>
  issue({ subject: name, extensions: [isAuthority] }, issuer);

/** A leaf for these names; the first is its common name. */
export const aLeaf = (names: readonly string[], issuer: Authority, more: readonly Buffer[] = []): Issued =>
  issue(
    {
      subject: names[0] ?? '',
      extensions: [extension('551d11', sequence(...names.map((name) => tagged(0x82, Buffer.from(name))))), ...more],
    },
    issuer,
  );

/** RFC 8737 §3: what proves control over a name. */
export const acmeIdentifier = (digest: Buffer): Buffer =>
  extension('2b060105050701 1f'.replace(' ', ''), tagged(0x04, digest), true);

export const root: Authority & Issued = anAuthority('Test Root');
export const intermediate: Authority & Issued = anAuthority('Test Intermediate', root);

/** A leaf with its chain, as an issuer delivers it. */
export const aPair = (...names: readonly string[]): Issued => {
  const { certPem, keyPem } = aLeaf(names, intermediate);
  return { certPem: certPem + intermediate.certPem, keyPem };
};
