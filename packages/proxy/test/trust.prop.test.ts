import { isIP } from 'node:net';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clientBehind, compileTrust } from '../src/trust.ts';

const trusted = compileTrust(['10.0.0.0/8', 'fd00::/8']);
const inside = fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => `10.0.${a}.${b}`);
const inside6 = fc.nat(0xffff).map((n) => `fd00::${n.toString(16)}`);
const outside = fc.tuple(fc.integer({ min: 11, max: 223 }), fc.nat(255)).map(([a, b]) => `${a}.1.1.${b}`);
const nonsense = fc.oneof(fc.constantFrom('', 'unknown', '_hidden', '10.0.0.1x', '[::1', '1.2.3'), fc.string());
const element = fc.oneof(inside, inside6, outside, nonsense);
const header = fc.array(
  fc.array(element, { maxLength: 5 }).map((list) => list.join(', ')),
  { maxLength: 3 },
);

test('P29 names as client somebody for whom every hop behind is trusted, whatever stands before', () => {
  fc.assert(
    fc.property(inside, header, (peer, values) => {
      const fields = values.flatMap((value) => ['X-Forwarded-For', value]);
      const client = clientBehind(peer, fields, trusted);
      expect(isIP(client)).not.toBe(0);
      const hops = [...values.flatMap((value) => value.split(',').map((hop) => hop.trim())), peer];
      const at = hops.lastIndexOf(client);
      for (const hop of hops.slice(at + 1)) expect(isIP(hop) !== 0 && trusted(hop)).toBe(true);
    }),
  );
});

test('P29 lets nobody who is not trusted say anything', () => {
  fc.assert(
    fc.property(outside, header, (peer, values) => {
      const fields = values.flatMap((value) => ['X-Forwarded-For', value]);
      expect(clientBehind(peer, fields, trusted)).toBe(peer);
    }),
  );
});

test('P29 finds the client that a chain of trusted peers passed on', () => {
  fc.assert(
    fc.property(
      fc.array(element),
      outside,
      fc.array(fc.oneof(inside, inside6)),
      inside,
      (before, client, hops, peer) => {
        const fields = ['X-Forwarded-For', [...before, client, ...hops].join(',')];
        expect(clientBehind(peer, fields, trusted)).toBe(client);
      },
    ),
  );
});
