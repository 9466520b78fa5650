import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Sticky, Target } from './route.ts';

/** What the cookie says for each target of a route, in the order of its targets. */
export type StickyTokens = readonly Buffer[];

/** 128 bits: nobody finds another target's by trying. */
const tokenBytes = 16;

export const stickyTokens = ({ key }: Sticky, targets: readonly Target[]): StickyTokens =>
  targets.map(({ id }) => createHmac('sha256', key).update(id).digest().subarray(0, tokenBytes));

/** Which target a cookie names; how long this takes does not tell how near a wrong one was. */
export const stuckTo = (tokens: StickyTokens, value: string | undefined): number => {
  if (value === undefined) return -1;
  const told = Buffer.from(value, 'base64url');
  if (told.length !== tokenBytes) return -1;
  let found = -1;
  for (const [index, token] of tokens.entries()) if (timingSafeEqual(token, told)) found = index;
  return found;
};

/** The field that makes a client stay; it ends with the browser's session. */
export const stickyField = (
  { cookie }: Sticky,
  token: Buffer,
  { path, isSecure }: { readonly path: string; readonly isSecure: boolean },
): string =>
  `${cookie}=${token.toString('base64url')}; Path=${path}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;

/** The first value of that name in a Cookie field (RFC 6265 §5.4). */
export const cookieValue = (field: string | undefined, name: string): string | undefined => {
  for (const pair of field?.split(';') ?? []) {
    const at = pair.indexOf('=');
    if (at !== -1 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
};
