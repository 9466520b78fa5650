import type { CertStatus } from '@orca/api';
import type { Palette } from './ansi.ts';

/** Certificates as a table, with a line under each that is not as it should be. */
export const certLines = (certs: readonly CertStatus[], palette: Palette, now: number): readonly string[] => {
  if (certs.length === 0) return ['no domains; give a service one (domain = "www.example.com") and run: orca deploy'];
  const rows = certs.map((cert) => [
    cert.host,
    cert.state,
    cert.issuer ?? '-',
    cert.daysLeft === undefined ? '-' : String(cert.daysLeft),
    cert.renewal === undefined ? '-' : `${within(cert.renewal.at, now)}: ${cert.renewal.why}`,
  ]);
  const head = ['HOST', 'STATE', 'ISSUER', 'DAYS', 'RENEWS'];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [
    palette.bold(line(head)),
    ...certs.flatMap((cert, i) => {
      const [host = '', state = '', ...rest] = (rows[i] ?? []).map((cell, at) => cell.padEnd(widths[at] ?? 0));
      const text = [host, colourOf(cert, palette)(state), ...rest].join('  ').trimEnd();
      return [text, ...notes(cert, now).map((note) => `  ${palette.dim('└')} ${note}`)];
    }),
  ];
};

const notes = (
  { lastError, failures, nextTryAt, warning, reason, source }: CertStatus,
  now: number,
): readonly string[] => {
  const next = nextTryAt === undefined ? '' : `; next try ${within(nextTryAt, now)}`;
  const count = failures > 1 ? `, ${failures} times in a row` : '';
  return [
    ...(reason === undefined ? [] : [source === 'acme' ? `no authority is asked: it ${reason}` : reason]),
    ...(warning === undefined ? [] : [warning]),
    ...(lastError === undefined ? [] : [`${lastError.detail} (${ago(lastError.at, now)}${count}${next})`]),
  ];
};

const colourOf = ({ state }: CertStatus, palette: Palette): ((text: string) => string) => {
  if (state === 'valid') return palette.green;
  return state === 'failed' ? palette.red : palette.yellow;
};

const within = (iso: string, now: number): string => {
  const ms = Date.parse(iso) - now;
  return ms <= 0 ? 'now' : `in ${duration(ms)}`;
};
const ago = (iso: string, now: number): string => `${duration(Math.max(0, now - Date.parse(iso)))} ago`;

const duration = (ms: number): string => {
  const secs = Math.ceil(ms / 1000);
  if (secs < 120) return `${secs} s`;
  if (secs < 7200) return `${Math.round(secs / 60)} min`;
  return secs < 172_800 ? `${Math.round(secs / 3600)} h` : `${Math.round(secs / 86_400)} days`;
};
