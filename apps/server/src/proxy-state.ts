import type { ProxyState, RefusedCertificate } from '@orca/proxy/process';

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
    put: (parts) => {
      whole = { ...whole, ...parts };
      return proxy.replace(whole);
    },
  };
};
