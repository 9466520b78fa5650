import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { faultProxy } from './fault-proxy.ts';
import { allValid, anyFailed, managed, rig } from './rig.ts';

describe('issuing, against a real authority that refuses every third nonce', () => {
  test('a certificate for each name, of its own, that the authority signed', async () => {
    await using on = await rig();
    await using front = await faultProxy(on.pebble);
    const { manager, settle, events } = managed(on, { directory: front.directory });
    await manager.manage(['a.acme.test', 'B.acme.test.', 'a.acme.test']);
    await settle(allValid);
    const names = ['a.acme.test', 'b.acme.test'].map((host) => manager.current(host)?.names);
    expect(names).toEqual([['a.acme.test'], ['b.acme.test']]);
    const root = new X509Certificate(await on.pebble.root());
    const leaf = new X509Certificate(manager.current('a.acme.test')?.certPem ?? '');
    expect(leaf.issuer).not.toBe('');
    expect(root.subject).toContain('Pebble Root CA');
    expect(events.filter(({ type }) => type === 'issued')).toHaveLength(2);
    // No nonce is ever sent twice, also not after the authority refused a good one.
    expect(new Set(front.nonces()).size).toBe(front.nonces().length);
    // Nothing is left of the challenges.
    expect(on.answers.answers()).toEqual({});
  });

  test('tls-alpn-01', async () => {
    await using on = await rig();
    const { manager, settle } = managed(on, { manager: { solvers: [on.alpn.solver] } });
    await manager.manage(['alpn.acme.test']);
    await settle(allValid);
    expect(on.alpn.certificates()).toEqual([]);
  });

  test('a blocked name beside a good one', async () => {
    await using on = await rig({ blocked: ['blocked.acme.test'] });
    const { manager, settle } = managed(on);
    await manager.manage(['blocked.acme.test', 'good.acme.test']);
    const states = await settle((all) => anyFailed(all) && all.some(({ state }) => state === 'valid'));
    expect(states.map(({ host, state }) => [host, state])).toEqual([
      ['blocked.acme.test', 'failed'],
      ['good.acme.test', 'valid'],
    ]);
    expect(states[0]?.lastFailure).toMatchObject({ kind: 'refused', type: 'rejectedIdentifier' });
  });
});
