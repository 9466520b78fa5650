import type { ClientSide } from '../client-side.ts';
import { fieldValue, fieldValues } from '../raw-fields.ts';
import { isEventStream } from '../response-fields.ts';
import type { RawFields } from '../upstream.ts';

export type Coding = 'zstd' | 'br' | 'gzip';

export interface Plan {
  /** `undefined`: the body goes as it is. */
  readonly coding: Coding | undefined;
  /** The head that is true of what goes out. */
  readonly fields: RawFields;
}

export interface Compressible {
  readonly client: Pick<ClientSide, 'fields'>;
  readonly status: number;
  readonly fields: RawFields;
}

/** A body that is smaller than this fits a packet or two anyway. */
const worthwhileBytes = 1_024;

/** What gets markedly smaller; images, video and archives are compressed already. */
const compressibleType =
  /^(?:text\/|application\/(?:json|javascript|xml|wasm|manifest\+json|[\w.-]+\+(?:json|xml))|image\/svg\+xml|font\/(?:ttf|otf))/i;

/** What is true of the bytes as the target sent them, and of no others. */
const bound: readonly string[] = [
  'content-encoding',
  'content-range',
  'content-digest',
  'repr-digest',
  'digest',
  'content-md5',
];

/**
 * Whether and how a response is compressed, by what the client takes and the target allows
 * (RFC 9110 §7.7, §8.4, §12.5.3). A compressed response is another representation: its
 * validator becomes a weak one, and Vary says what it depends on, also where it is left alone.
 */
export const planCompression = ({ client, status, fields }: Compressible): Plan => {
  const asIs: Plan = { coding: undefined, fields };
  if (status === 304) return { coding: undefined, fields: varied(weakened(fields)) };
  if (status < 200 || status === 204 || status === 205 || status === 206 || !isCompressible(fields)) return asIs;
  const coding = hasRange(client.fields)
    ? undefined
    : codingFor(fieldValues(client.fields, 'accept-encoding').join(','));
  if (coding === undefined) return { coding, fields: varied(fields) };
  const kept = weakened(without(fields, new Set(['content-length', 'accept-ranges'])));
  return { coding, fields: varied([...kept, 'Content-Encoding', coding]) };
};

const isCompressible = (fields: RawFields): boolean => {
  const type = fieldValue(fields, 'content-type');
  const length = fieldValue(fields, 'content-length');
  return (
    type !== undefined &&
    compressibleType.test(type.trim()) &&
    !isEventStream(fields) &&
    (length === undefined || Number(length) >= worthwhileBytes) &&
    bound.every((name) => fieldValue(fields, name) === undefined) &&
    !hasToken(fields, 'cache-control', 'no-transform') &&
    !hasToken(fields, 'x-accel-buffering', 'no')
  );
};

/** A part of a representation is a part of the one that the target has. */
const hasRange = (fields: RawFields): boolean =>
  fieldValue(fields, 'range') !== undefined || hasToken(fields, 'cache-control', 'no-transform');

const hasToken = (fields: RawFields, name: string, token: string): boolean =>
  fieldValues(fields, name).some((value) => value.split(',').some((one) => one.trim().toLowerCase() === token));

/** The best of what the client takes; among equals, what is smaller for its cost. */
export const codingFor = (accept: string): Coding | undefined => {
  const qualities = new Map<string, number>();
  for (const range of accept.split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    if (name !== '') qualities.set(name, q === undefined ? 1 : Number(q.slice(2)));
  }
  let best: Coding | undefined;
  let most = 0;
  for (const coding of ['zstd', 'br', 'gzip'] as const) {
    const quality = qualities.get(coding) ?? qualities.get('*') ?? 0;
    if (quality > most) [best, most] = [coding, quality];
  }
  return best;
};

const without = (fields: RawFields, names: ReadonlySet<string>): RawFields => {
  const out: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    if (!names.has((fields[i] ?? '').toLowerCase())) out.push(fields[i] ?? '', fields[i + 1] ?? '');
  }
  return out;
};

/** RFC 9110 §8.8.3: the same strong validator may not stand for different bytes. */
const weakened = (fields: RawFields): RawFields => {
  const etag = fieldValue(fields, 'etag');
  if (etag === undefined || etag.startsWith('W/')) return fields;
  return fields.map((part, i) => (i % 2 === 1 && fields[i - 1]?.toLowerCase() === 'etag' ? `W/${part}` : part));
};

const varied = (fields: RawFields): RawFields =>
  hasToken(fields, 'vary', '*') || hasToken(fields, 'vary', 'accept-encoding')
    ? fields
    : [...fields, 'Vary', 'Accept-Encoding'];
