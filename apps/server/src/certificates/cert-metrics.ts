import type { Certificates } from './certificates.ts';

/** Certificates in Prometheus' text format: how long each lives, and what failed. */
export const certMetrics = (certificates: Pick<Certificates, 'state' | 'counts'>, now: number): string => {
  const states = certificates.state();
  const lines = [
    '# HELP orca_certificate_expires_seconds Seconds until the certificate in service expires; negative once it has.',
    '# TYPE orca_certificate_expires_seconds gauge',
    ...states.flatMap(({ host, source, certificate }) =>
      certificate === undefined
        ? []
        : [sample('orca_certificate_expires_seconds', { host, source }, (certificate.notAfter - now) / 1000)],
    ),
    '# HELP orca_certificate_valid Whether the host has a certificate that browsers are meant to accept.',
    '# TYPE orca_certificate_valid gauge',
    ...states.map(({ host, state }) => sample('orca_certificate_valid', { host }, state === 'valid' ? 1 : 0)),
    '# HELP orca_certificates_issued_total Certificates obtained since the server started.',
    '# TYPE orca_certificates_issued_total counter',
    sample('orca_certificates_issued_total', {}, certificates.counts.issued),
    '# HELP orca_certificate_failures_total Tries that failed since the server started, by what the authority said.',
    '# TYPE orca_certificate_failures_total counter',
    ...[...certificates.counts.failures].map(([type, count]) =>
      sample('orca_certificate_failures_total', { type }, count),
    ),
  ];
  return `${lines.join('\n')}\n`;
};

const sample = (name: string, labels: Readonly<Record<string, string>>, value: number): string => {
  const shown = Object.entries(labels).map(([label, text]) => `${label}="${text.replaceAll(/["\\\n]/g, '_')}"`);
  return `${name}${shown.length === 0 ? '' : `{${shown.join(',')}}`} ${Math.round(value)}`;
};
