import { expect, test } from '@jest/globals';
import type { ProxyState } from '@orca/proxy/process';
import { createProxyParts } from '../src/proxy-state.ts';

const found: ProxyState = { table: { routes: [] }, limits: { connections: 5 } };
const table = (host: string): ProxyState['table'] => ({
  routes: [{ host, pathPrefix: '/', stripPrefix: false, targets: [] }],
});

test('a part that the proxy refuses is not sent again with the parts of others', async () => {
  const asked: ProxyState[] = [];
  const parts = createProxyParts({
    found,
    replace: async (state) => {
      asked.push(state);
      if (state.limits?.connections === 0)
        throw Object.assign(new Error('refused'), { code: 'ORCA_PROXY_SETTINGS_INVALID' });
      return [];
    },
  });
  const bad = parts.put({ limits: { connections: 0 }, challengeCertificates: [] });
  // Changed by somebody else meanwhile: that stays.
  const meanwhile = parts.put({ table: table('a.test') });
  await expect(bad).rejects.toThrow('refused');
  await expect(meanwhile).rejects.toThrow('refused');
  await parts.put({ certificates: [] });
  expect(asked.at(-1)).toEqual({ ...found, certificates: [] });
});

test('what a proxy that cannot be reached did not hear of is said again with the next part', async () => {
  const asked: ProxyState[] = [];
  const parts = createProxyParts({
    found,
    replace: async (state) => {
      asked.push(state);
      if (asked.length === 1) throw Object.assign(new Error('gone'), { code: 'ORCA_PROXY_UNREACHABLE' });
      return [];
    },
  });
  await expect(parts.put({ table: table('a.test') })).rejects.toThrow('gone');
  await parts.put({ certificates: [] });
  expect(asked.at(-1)).toEqual({ ...found, table: table('a.test'), certificates: [] });
});
