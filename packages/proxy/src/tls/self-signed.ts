import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { pem, sequence, tagged, time } from './der.ts';

export interface PemPair {
  readonly certPem: string;
  readonly keyPem: string;
}

const dayMs = 86_400_000;
/** Long enough for any process that shows it. */
const validForMs = 3_650 * dayMs;

/**
 * A certificate that vouches for nothing, for clients that ask for a name without one: it lets
 * them see an error page of their own rather than a closed door (X.509, RFC 5280 §4.1).
 */
export const createSelfSigned = (name: string, now: number): PemPair => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = sequence(tagged(0x06, Buffer.from('2a8648ce3d040302', 'hex')));
  const commonName = sequence(tagged(0x06, Buffer.from('550403', 'hex')), tagged(0x0c, Buffer.from(name)));
  const issuer = sequence(tagged(0x31, commonName));
  const alternativeNames = sequence(
    tagged(0x06, Buffer.from('551d11', 'hex')),
    tagged(0x04, sequence(tagged(0x82, Buffer.from(name)))),
  );
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.of(2))),
    tagged(0x02, Buffer.concat([Buffer.of(1), randomBytes(15)])),
    ecdsaWithSha256,
    issuer,
    sequence(time(now - dayMs), time(now + validForMs)),
    issuer,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(alternativeNames)),
  );
  const signature = tagged(0x03, Buffer.concat([Buffer.of(0), sign('sha256', body, privateKey)]));
  return {
    certPem: pem('CERTIFICATE', sequence(body, ecdsaWithSha256, signature)),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
};
