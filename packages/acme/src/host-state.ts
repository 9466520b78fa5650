import { decide, renewalFor, type Known } from './decide.ts';
import type { HostRecord } from './host-record.ts';
import type { Renewal } from './renewal.ts';

/** What can be said of one host. Times are milliseconds since the epoch. */
export interface HostState {
  readonly host: string;
  /** `failed`: there is none in service, and the last try did not get one. `none`: none is to be got. */
  readonly state: 'none' | 'pending' | 'valid' | 'failed';
  readonly certificate:
    | { readonly issuer: string; readonly serial: string; readonly notBefore: number; readonly notAfter: number }
    | undefined;
  readonly renewal: Renewal | undefined;
  /** Also while a certificate is in service: then its renewal is what fails. */
  readonly lastFailure: HostRecord['lastFailure'];
  readonly failures: number;
  /** When something is done for it next. */
  readonly nextTryAt: number | undefined;
  /** What is not as it was asked for, while a certificate is in service. */
  readonly warning: string | undefined;
  /** Why nothing is done for it. */
  readonly reason: string | undefined;
}

export const stateOf = (host: string, known: Known, reason: string | undefined, now: number): HostState => {
  const { certificate, record } = known;
  const isValid = certificate !== undefined && certificate.notAfter > now;
  const next = reason === undefined ? decide(known, now) : undefined;
  const nextTryAt = next?.do === 'wait' ? next.until : now;
  return {
    host,
    state: isValid ? 'valid' : reason !== undefined ? 'none' : record.lastFailure === undefined ? 'pending' : 'failed',
    certificate: certificate && {
      issuer: certificate.issuer,
      serial: certificate.serial,
      notBefore: certificate.notBefore,
      notAfter: certificate.notAfter,
    },
    renewal: reason === undefined ? renewalFor(known, now) : undefined,
    lastFailure: record.lastFailure,
    failures: record.failures,
    nextTryAt: next === undefined ? undefined : nextTryAt,
    warning: isValid ? record.warning : undefined,
    reason,
  };
};
