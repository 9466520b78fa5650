import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { faultProxy, problem, type FaultProxy } from './fault-proxy.ts';
import { allValid, anyFailed, managed, rig, type Managed, type Rig } from './rig.ts';

const hmacKey = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';
const host = 'a.acme.test';

let on: Rig;
let front: FaultProxy;
beforeAll(async () => {
  on = await rig({ externalAccounts: { 'kid-1': hmacKey } });
  front = await faultProxy(on.pebble);
});
afterAll(async () => {
  await front[Symbol.asyncDispose]();
  await on[Symbol.asyncDispose]();
});

/** As a server that was started with these keys in its cluster.toml. */
const startedWith = async (name: string, keys: { kid: string; hmacKey: string } | undefined): Promise<Managed> => {
  const it = managed(on, {
    directory: front.directory,
    dir: join(on.dir.path, name),
    issuer: { externalAccount: () => Promise.resolve(keys) },
    manager: { configuration: JSON.stringify(keys ?? {}) },
  });
  await it.manager.manage([host]);
  return it;
};

describe('A3: an authority for customers only', () => {
  test.each([
    ['missing', undefined],
    ['of nobody it knows', { kid: 'kid-2', hmacKey }],
    ['with another HMAC key', { kid: 'kid-1', hmacKey: 'YW5vdGhlci1rZXktdGhhbi10aGUtb25lLXRoYXQtd2FzLWdpdmVuLW91dA' }],
  ])(
    'keys that were %s: said so, counted against no name; once they are right the account is made',
    async (what, keys) => {
      const wrong = await startedWith(what, keys);
      await wrong.settle(anyFailed);
      const [state] = wrong.manager.state();
      // Neither another challenge nor a rehearsal would help.
      expect(state?.lastFailure).toMatchObject({ kind: 'refused', type: 'ORCA_ACME_CONFIG' });
      expect(state?.lastFailure?.detail).toMatch(/eab_kid/);
      expect(state?.lastFailure?.detail).not.toContain(keys?.hmacKey ?? hmacKey);
      const right = await startedWith(what, { kid: 'kid-1', hmacKey });
      await right.settle(allValid);
    },
  );

  test.each([
    ['externalAccountRequired', 403],
    ['unauthorized', 401],
    ['malformed', 400],
  ])('whatever it says (%s) to the question for an account that is there already', async (type, status) => {
    const wrong = await startedWith(type, undefined);
    await wrong.settle(anyFailed);
    front.fault = ({ path, payload }) =>
      path === '/sign-me-up' && JSON.stringify(payload).includes('onlyReturnExisting')
        ? { answer: problem(status, type, 'an account is not to be had like that') }
        : undefined;
    const right = await startedWith(type, { kid: 'kid-1', hmacKey });
    await right.settle(allValid);
    front.fault = () => undefined;
  });
});
