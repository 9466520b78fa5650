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
  // Written anew where trailers are passed on.
  'trailer',
]);

const lengths: ReadonlySet<number> = new Set([...hopByHop].map((name) => name.length));

/** False for most names by their length alone, which spares them a lower-case copy: such a field never ends here unless Connection lists it. */
export const mayEndHere = (name: string): boolean => lengths.has(name.length);

/** Connection may not talk a hop into dropping what routing, framing or trust is built on. */
const isProtected = (name: string): boolean =>
  name === 'host' || name === 'content-length' || name.startsWith('x-forwarded-');

/** Whether a field of this lower-case name ends at this hop; `listed` is what `listedIn` found. */
export const endsHere = (name: string, listed: ReadonlySet<string> | undefined): boolean =>
  hopByHop.has(name) || (listed?.has(name) === true && !isProtected(name));

/** The lower-case names that Connection lists, or `undefined` for none. Junk in it is ignored: it names no field. */
export const listedIn = (fields: RawFields): ReadonlySet<string> | undefined => {
  let listed: Set<string> | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.length !== 'connection'.length || fields[i]?.toLowerCase() !== 'connection') continue;
    const value = fields[i + 1] ?? '';
    // What nearly every Connection field says, and names no field.
    if (value === 'keep-alive' || value === 'close') continue;
    listed ??= new Set();
    for (const option of value.split(',')) listed.add(option.trim().toLowerCase());
  }
  return listed;
};
