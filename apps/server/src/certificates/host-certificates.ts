import type { CertFileState, HostState } from '@orca/acme';

/** What is known of a host's certificate, whoever obtains it. */
export interface HostCertificate extends HostState {
  readonly source: 'acme' | 'file' | 'none';
}

export interface HostSources {
  readonly hosts: readonly string[];
  readonly files: readonly CertFileState[];
  readonly managed: readonly HostState[];
  /** Why nobody is asked for those that are in neither. */
  readonly whyNobody: string;
  readonly now: number;
}

/** A file of the user's wins over an authority (A25). */
export const hostCertificates = (o: HostSources): readonly HostCertificate[] => {
  const managed = new Map(o.managed.map((state) => [state.host, state]));
  return o.hosts.map((host): HostCertificate => {
    const file = o.files.find((one) => one.hosts.includes(host));
    if (file !== undefined) return { ...nothingFor(host), ...fileState(file, o.now), source: 'file' };
    const state = managed.get(host);
    if (state !== undefined) return { ...state, source: 'acme' };
    return { ...nothingFor(host), reason: o.whyNobody, source: 'none' };
  });
};

const nothingFor = (host: string): HostState => ({
  host,
  state: 'none',
  certificate: undefined,
  renewal: undefined,
  lastFailure: undefined,
  failures: 0,
  nextTryAt: undefined,
  warning: undefined,
  reason: undefined,
});

const fileState = (
  { certificate, fault }: CertFileState,
  now: number,
): Pick<HostState, 'state' | 'certificate' | 'reason'> => {
  const isValid = certificate !== undefined && now < certificate.notAfter;
  const expired = certificate === undefined || isValid ? undefined : 'the certificate in the file has expired';
  return { state: isValid ? 'valid' : 'failed', certificate, reason: fault ?? expired };
};
