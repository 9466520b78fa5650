import type { ProxyState, RefusedCertificate } from '@orca/proxy/process';
import { isCode } from './home.ts';

/** What the control plane tells the proxy, one part at a time. */
export interface ProxyParts {
  /**
   * Puts these parts in force beside the others. Resolves when every process of the proxy serves
   * by them, with the certificates among them that it cannot serve.
   */
  put(parts: Partial<ProxyState>): Promise<readonly RefusedCertificate[]>;
}

/**
 * The whole that the proxy serves by, begun from what it served by already: whoever changes a
 * part of it does not know the others, and must not take them away. What is wanted from the
 * start (`wanted`) goes with the first part.
 */
export const createProxyParts = (
  proxy: {
    readonly found: ProxyState;
    replace(state: ProxyState): Promise<readonly RefusedCertificate[]>;
  },
  wanted: Pick<ProxyState, 'settings' | 'limits'> = {},
): ProxyParts => {
  let whole: ProxyState = { ...proxy.found, ...wanted };
  return {
    put: async (parts) => {
      const former = whole;
      whole = { ...whole, ...parts };
      try {
        return await proxy.replace(whole);
      } catch (error) {
        // What was refused must not be refused again with every part that others change.
        if (isRefusal(error)) whole = revoke(whole, parts, former);
        throw error;
      }
    },
  };
};

const isRefusal = (error: unknown): boolean =>
  isCode(error, 'ORCA_PROXY_TABLE_INVALID') || isCode(error, 'ORCA_PROXY_SETTINGS_INVALID');

/** With the former in the place of these parts, unless somebody else has changed them since. */
const revoke = (whole: ProxyState, parts: Partial<ProxyState>, former: ProxyState): ProxyState => {
  const said = new Map<string, unknown>(Object.entries(parts));
  const others = Object.entries(whole).filter(([name, part]) => said.get(name) !== part);
  const before = Object.entries(former).filter(([name]) => said.has(name));
  return { table: former.table, ...Object.fromEntries([...before, ...others]) };
};
