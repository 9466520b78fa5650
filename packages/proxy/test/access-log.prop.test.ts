import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatEntry, type AccessEntry } from '../src/access-log/entry.ts';

const anything = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ unit: 'grapheme' }));
const entry = fc.record<AccessEntry>({
  timeMs: fc.integer({ min: 0, max: 4e12 }),
  client: anything,
  peer: anything,
  secure: fc.boolean(),
  method: fc.option(anything, { nil: undefined }),
  host: fc.option(anything, { nil: undefined }),
  path: fc.option(anything, { nil: undefined }),
  version: fc.constantFrom('1.0', '1.1', '2', undefined),
  status: fc.integer({ min: 100, max: 599 }),
  bytesIn: fc.nat(),
  bytesOut: fc.nat(),
  headMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  ms: fc.double({ min: 0, max: 1e9, noNaN: true }),
  service: fc.option(anything, { nil: undefined }),
  route: fc.option(anything, { nil: undefined }),
  target: fc.option(anything, { nil: undefined }),
  requestId: fc.option(anything, { nil: undefined }),
  reason: fc.option(anything, { nil: undefined }),
  fields: fc.array(anything).map((values) => values.flatMap((value) => ['X-Any', value])),
});

test('P69 writes one line of printable ASCII that reads back, whatever is in it', () => {
  fc.assert(
    fc.property(entry, fc.constantFrom('hide', 'keep', 'drop', undefined), (one, query) => {
      const line = formatEntry(one, { fields: ['X-Any'], ...(query && { query }) });
      expect(line).toMatch(/^[\x20-\x7e]*\n$/);
      expect(JSON.parse(line)).toMatchObject({ client: one.client, status: one.status });
    }),
  );
});

test('P69 shows no value of a query, a cookie or an authorization, however they are put together', () => {
  const secret = 'S3cr3tV4lue';
  const part = fc.string({ maxLength: 8 }).filter((text) => !text.includes('='));
  const query = fc.array(fc.tuple(part, fc.constantFrom('=', '==', '=x=', '')), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(query, fc.constantFrom('&', '&&'), fc.constantFrom('; ', ';', ';;'), (pairs, between, apart) => {
      const written = pairs.map(([name, equals]) => (equals === '' ? secret : `${name}${equals}${secret}`));
      const one = { ...nothing, path: `/a?${written.join(between)}` };
      const fields = ['Cookie', written.join(apart), 'Authorization', `Bearer ${secret}`, 'Authorization', secret];
      expect(formatEntry({ ...one, fields }, { fields: ['cookie', 'authorization'] })).not.toContain(secret);
    }),
  );
});

const nothing: AccessEntry = {
  timeMs: 0,
  client: '',
  peer: '',
  secure: false,
  method: 'GET',
  host: '',
  path: '/',
  version: '1.1',
  status: 200,
  bytesIn: 0,
  bytesOut: 0,
  headMs: 0,
  ms: 0,
  service: undefined,
  route: undefined,
  target: undefined,
  requestId: undefined,
  reason: undefined,
  fields: [],
};
