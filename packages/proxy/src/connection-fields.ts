import type { RawFields } from './upstream.ts';

/** RFC 9110 §7.6.1, and what proxies of old invented; these end at every hop whatever Connection says. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'proxy-authorization',
  'http2-settings',
  // Trailers are not carried yet, so nobody is promised any.
  'trailer',
]);

/** Connection may not talk a hop into dropping what routing, framing or trust is built on. */
const isProtected = (name: string): boolean =>
  name === 'host' || name === 'content-length' || name.startsWith('x-forwarded-');

/** The lower-case names that end at this hop. Junk in Connection is ignored: it names no field. */
export const endsHere = (fields: RawFields): ((name: string) => boolean) => {
  const listed = new Set<string>();
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() !== 'connection') continue;
    for (const option of fields[i + 1]?.split(',') ?? []) listed.add(option.trim().toLowerCase());
  }
  return (name) => hopByHop.has(name) || (listed.has(name) && !isProtected(name));
};
