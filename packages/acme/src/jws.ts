import { createHash, createHmac, createPublicKey, sign, type KeyObject } from 'node:crypto';

/** Signed JSON as ACME sends it (RFC 8555, section 6.2; RFC 7515, flattened). */
export interface Jws {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

export type Jwk = Readonly<Record<string, string>>;

/** Signs with the account key: ES256, or RS256 when a certificate's own RSA key revokes it. `payload` '' is POST-as-GET. */
export const signJws = (header: object, payload: object | '', key: KeyObject): Jws => {
  const alg = key.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256';
  const parts = encode({ alg, ...header }, payload);
  const signature = sign('sha256', Buffer.from(`${parts.protected}.${parts.payload}`), {
    key,
    dsaEncoding: 'ieee-p1363',
  });
  return { ...parts, signature: signature.toString('base64url') };
};

/** Binds a new account to one that the authority knows otherwise (RFC 8555, section 7.3.4). */
export const signExternalBinding = (o: {
  readonly kid: string;
  /** base64url, as the authority hands it out. */
  readonly hmacKey: string;
  readonly url: string;
  readonly jwk: Jwk;
}): Jws => {
  const parts = encode({ alg: 'HS256', kid: o.kid, url: o.url }, o.jwk);
  const mac = createHmac('sha256', Buffer.from(o.hmacKey, 'base64url'));
  return { ...parts, signature: mac.update(`${parts.protected}.${parts.payload}`).digest('base64url') };
};

/** The public half, with exactly the members of RFC 7638 in their order. */
export const publicJwk = (key: KeyObject): Jwk => {
  const { crv, kty, x, y, e, n } = createPublicKey(key).export({ format: 'jwk' });
  const members = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y };
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, value ?? '']));
};

/** Token and account together: what answers a challenge (RFC 8555, section 8.1). */
export const keyAuthorization = (token: string, key: KeyObject): string =>
  `${token}.${createHash('sha256')
    .update(JSON.stringify(publicJwk(key)))
    .digest('base64url')}`;

const encode = (header: object, payload: object | ''): Pick<Jws, 'protected' | 'payload'> => ({
  protected: Buffer.from(JSON.stringify(header)).toString('base64url'),
  payload: payload === '' ? '' : Buffer.from(JSON.stringify(payload)).toString('base64url'),
});
