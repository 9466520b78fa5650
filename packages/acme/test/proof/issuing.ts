import { faultProxy } from '../fault-proxy.ts';
import { allValid, managed, rig } from '../rig.ts';
import { holds, repeated, type ProofLine } from './line.ts';

const issuing: ProofLine = {
  name: 'A5, A6, A16: issuing, with a third of all good nonces refused',
  run: async (short) => {
    await using on = await rig();
    await using front = await faultProxy(on.pebble);
    const names = Array.from({ length: short ? 3 : 12 }, (_, i) => `n${i}.acme.test`);
    const { manager, settle } = managed(on, { directory: front.directory });
    const startedAt = performance.now();
    await manager.manage(names);
    await settle(allValid);
    const ms = performance.now() - startedAt;
    const wrong = names.filter((name) => manager.current(name)?.names.join() !== name);
    holds(wrong.length === 0, `${wrong.join(', ')}: not the certificate of that name`);
    const nonces = front.nonces();
    holds(repeated(nonces).length === 0, `nonces sent twice: ${repeated(nonces).length}`);
    const refused = nonces.length - front.asked.filter(({ method }) => method === 'POST').length;
    holds(refused === 0, 'a signed request without a nonce');
    return `${names.length} names in ${(ms / 1000).toFixed(1)} s, ${nonces.length} signed requests, 0 nonces sent twice`;
  },
};

const customersOnly: ProofLine = {
  name: 'A3: an authority for customers only (EAB)',
  run: async () => {
    const hmacKey = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';
    await using on = await rig({ externalAccounts: { 'kid-1': hmacKey } });
    const without = managed(on);
    await without.manager.manage(['a.acme.test']);
    await without.settle((all) => all.every(({ failures }) => failures === 1));
    const said = without.manager.state()[0]?.lastFailure?.detail ?? '';
    holds(said.includes('eab_kid'), `the error does not say what to set: ${said}`);
    const externalAccount = (): Promise<{ kid: string; hmacKey: string }> => Promise.resolve({ kid: 'kid-1', hmacKey });
    // Another configuration is a fresh start: no day's wait after the refusal.
    const bound = managed(on, { issuer: { externalAccount }, manager: { configuration: 'with eab' } });
    await bound.manager.manage(['a.acme.test']);
    await bound.settle(allValid);
    return 'refused without, in words; issued with';
  },
};

const blocked: ProofLine = {
  name: 'A5, A9: a blocked domain beside a good one',
  run: async () => {
    await using on = await rig({ blocked: ['blocked.acme.test'] });
    const alone = managed(on, { dir: `${on.dir.path}/alone` });
    await alone.manager.manage(['good.acme.test']);
    const first = performance.now();
    await alone.settle(allValid);
    const aloneMs = performance.now() - first;
    const { manager, settle } = managed(on, { dir: `${on.dir.path}/beside` });
    await manager.manage([
      'blocked.acme.test',
      ...['x', 'y', 'z'].map((n) => `${n}.blocked.acme.test`),
      'good.acme.test',
    ]);
    const second = performance.now();
    const states = await settle((all) => all.some(({ state }) => state === 'valid'));
    const besideMs = performance.now() - second;
    const failed = states.find(({ host }) => host === 'blocked.acme.test');
    holds(
      failed?.lastFailure?.type === 'rejectedIdentifier',
      `the reason is not the authority's: ${failed?.lastFailure?.detail}`,
    );
    return `alone ${aloneMs.toFixed(0)} ms, beside four that are refused ${besideMs.toFixed(0)} ms; "${failed.lastFailure.detail}"`;
  },
};

export const issuingLines: readonly ProofLine[] = [issuing, customersOnly, blocked];
