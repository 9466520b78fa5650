import { ApiError, type CertPlane, type CertStatus } from '@orca/api';
import { messageOf } from '../wire.ts';
import type { Certificates } from './certificates.ts';
import type { HostCertificate } from './host-certificates.ts';

const dayMs = 86_400_000;

/** Certificates in the words of the wire. */
export const createCertPlane = (certificates: Certificates, now: () => number): CertPlane => {
  /** A host that has no certificate to do this with is the caller's mistake, not the server's. */
  const asked = async (host: string, body: () => Promise<void>): Promise<void> => {
    const state = certificates.state().find((one) => one.host === host);
    if (state === undefined) throw new ApiError(404, `no service has the domain ${host}; see: orca certs`);
    if (state.source === 'file')
      throw new ApiError(409, `${host}: its certificate is a file of yours (tls_cert); replace the file`);
    if (state.source === 'none') throw new ApiError(409, `${host}: ${state.reason ?? 'nobody is asked for it'}`);
    try {
      await body();
    } catch (error) {
      throw new ApiError(isOwnMistake(error) ? 409 : 502, messageOf(error));
    }
  };
  return {
    certs: () => Promise.resolve(certificates.state().map((state) => wireCert(state, now()))),
    renewCert: (host) => asked(host, () => certificates.renew(host)),
    revokeCert: (host, signal) => asked(host, () => certificates.revoke(host, signal)),
  };
};

const isOwnMistake = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ORCA_ACME_CONFIG';

export const wireCert = (state: HostCertificate, now: number): CertStatus => {
  const { certificate, renewal, lastFailure } = state;
  return {
    host: state.host,
    source: state.source,
    state: state.state,
    issuer: certificate?.issuer,
    serial: certificate?.serial,
    notBefore: iso(certificate?.notBefore),
    notAfter: iso(certificate?.notAfter),
    daysLeft: certificate && Math.floor((certificate.notAfter - now) / dayMs),
    renewal: renewal && { at: iso(renewal.at) ?? '', why: renewal.why },
    lastError: lastFailure && { type: lastFailure.type, detail: lastFailure.detail, at: iso(lastFailure.at) ?? '' },
    failures: state.failures,
    nextTryAt: iso(state.nextTryAt),
    warning: state.warning,
    reason: state.reason,
  };
};

const iso = (ms: number | undefined): string | undefined =>
  ms === undefined || !Number.isFinite(ms) ? undefined : new Date(ms).toISOString();
