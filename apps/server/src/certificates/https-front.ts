import type { Proxy } from '@orca/proxy';
import type { HttpsFront } from './certificates.ts';

/** The HTTPS side of a proxy in this process; without HTTPS there is nobody to show a certificate to. */
export const httpsFront = (
  proxy: Pick<Proxy, 'httpsAddress' | 'setCertificates' | 'setChallengeCertificates' | 'setChallenges'>,
  hasHttps: boolean,
  setHttpsHosts: (hosts: readonly string[]) => void,
): HttpsFront => ({
  address: () => proxy.httpsAddress,
  setCertificates: (certificates) => Promise.resolve(hasHttps ? proxy.setCertificates(certificates) : []),
  setHttpsHosts: (hosts) => Promise.resolve(setHttpsHosts(hosts)),
  setAnswers: (managedHosts, answers) => Promise.resolve(proxy.setChallenges({ managedHosts, answers })),
  setAlpnCertificates: (certificates) =>
    Promise.resolve(hasHttps ? proxy.setChallengeCertificates(certificates) : undefined),
});
