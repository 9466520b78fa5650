import { createHash, timingSafeEqual } from 'node:crypto';

/** What a caller may do; one role until tokens carry their own. */
export type Role = 'admin';

/** Says who a bearer token belongs to; must take the same time for every wrong token. */
export type Authorize = (token: string) => Role | undefined;

/** Knows the one admin token by its SHA-256 alone, so the token itself need not stay in memory. */
export const tokenAuthorizer = (tokenSha256: Uint8Array): Authorize => {
  if (tokenSha256.length !== 32) throw new RangeError('a SHA-256 has 32 bytes');
  return (token) => (timingSafeEqual(createHash('sha256').update(token).digest(), tokenSha256) ? 'admin' : undefined);
};

/** The token of an `Authorization` header; `undefined` for anything but one well-formed bearer token. */
export const bearerToken = (header: string | undefined): string | undefined =>
  /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header ?? '')?.[1];
