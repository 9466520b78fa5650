import type { AttachedProxy } from '@orca/proxy/process';
import type { ProxyParts } from '../proxy-state.ts';
import type { HttpsFront } from './https-publisher.ts';

/** The HTTPS side of the proxy; without HTTPS there is nobody to show a certificate to, and it keeps them all the same. */
export const httpsFront = (
  proxy: Pick<AttachedProxy, 'httpsAddress'>,
  parts: ProxyParts,
  setHttpsHosts: (hosts: readonly string[]) => Promise<void>,
): HttpsFront => ({
  address: () => proxy.httpsAddress,
  setCertificates: (certificates) => parts.put({ certificates }),
  setHttpsHosts,
  setAnswers: async (managedHosts, answers) => void (await parts.put({ challenges: { managedHosts, answers } })),
  setAlpnCertificates: async (challengeCertificates) => void (await parts.put({ challengeCertificates })),
});
