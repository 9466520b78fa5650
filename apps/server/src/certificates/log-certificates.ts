import type { AcmeEvent, CertFileState } from '@orca/acme';
import type { Logger } from 'pino';

/** Every step towards a certificate, so that the log alone tells why there is none. */
export const logCertificate = (log: Logger, event: AcmeEvent): void => {
  switch (event.type) {
    case 'ordered': {
      const { host, challenge, isRehearsal } = event;
      log.info({ host, challenge }, isRehearsal ? 'certificate ordered, as a rehearsal' : 'certificate ordered');
      break;
    }
    case 'issued': {
      const { issuer, notAfter } = event.certificate;
      const said = { host: event.host, issuer, notAfter: new Date(notAfter).toISOString() };
      log.info(said, event.isRenewal ? 'certificate renewed' : 'certificate issued');
      break;
    }
    case 'failed': {
      const { kind, type, detail } = event.failure;
      const nextTry = new Date(event.nextTryAt).toISOString();
      log.error({ host: event.host, kind, type, reason: detail, nextTry }, 'no certificate yet; tries again');
      break;
    }
    case 'doubt':
      log.warn({ host: event.host, reason: event.reason }, 'the authority is asked, but may not get through');
      break;
    case 'warning':
      log.warn({ host: event.host, reason: event.reason }, 'the certificate is not quite as it was asked for');
      break;
    case 'unqualified':
      log.warn({ host: event.host, reason: event.reason }, 'no authority is asked for this domain');
      break;
    case 'expiring': {
      const { host, days } = event;
      const notAfter = new Date(event.notAfter).toISOString();
      if (days === 0) log.error({ host, notAfter }, 'the certificate has expired');
      else log.warn({ host, notAfter }, `the certificate expires within ${days} ${days === 1 ? 'day' : 'days'}`);
      break;
    }
    case 'revoked':
      log.warn({ host: event.host }, 'certificate revoked; a new one is got');
      break;
    default:
      event satisfies never;
  }
};

/** A pair of the user's that was taken into use, or could not be. */
export const logCertFile = (log: Logger, { hosts, certificate, fault }: CertFileState): void => {
  if (fault !== undefined)
    log.error({ hosts, reason: fault }, 'a certificate file cannot be used; what was good before serves on');
  else if (certificate !== undefined)
    log.info({ hosts, notAfter: new Date(certificate.notAfter).toISOString() }, 'certificate file in use');
};
