import type { ClusterStatus, ServiceStatus } from '@orca/api';
import type { Palette } from './ansi.ts';

/** The cluster as a table, with a line of explanation under every service that is not as it should be, and what else is to be done. */
export const statusLines = (status: ClusterStatus, palette: Palette, now: number): readonly string[] => [
  ...serviceLines(status, palette, now),
  ...(status.needsRestart === undefined ? [] : [`${palette.yellow('!')} cluster.toml: ${status.needsRestart}`]),
];

const serviceLines = (status: ClusterStatus, palette: Palette, now: number): readonly string[] => {
  if (status.runtimeError !== undefined) {
    return [`${palette.red('✗')} the services' state is unknown: ${status.runtimeError}`];
  }
  if (status.services.length === 0)
    return [`no services; write one in ${status.root}/services/<name>/service.toml and run: orca deploy`];
  const rows = status.services.map((s) => [
    s.name,
    s.status,
    `${s.runningReplicas}/${s.desiredReplicas}`,
    age(s, now),
    s.image,
    s.domains.join(', '),
  ]);
  const head = ['SERVICE', 'STATUS', 'RUNNING', 'UP', 'IMAGE', 'DOMAIN'];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((r) => (r[i] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [
    palette.bold(line(head)),
    ...status.services.flatMap((s, i) => {
      const text = line(rows[i] ?? []).replace(s.status, colourOf(s, palette)(s.status));
      return [text, ...notes(s).map((note) => `  ${palette.dim('└')} ${note}`)];
    }),
  ];
};

const notes = (s: ServiceStatus): readonly string[] => [
  ...(s.lastFailure === undefined ? [] : [s.lastFailure]),
  ...(s.paused ? [`stopped by request; start it with: orca deploy ${s.name}`] : []),
  ...(s.staleSecrets.length === 0
    ? []
    : [`${s.staleSecrets.join(', ')} changed since it was deployed; orca deploy ${s.name} takes it into use`]),
  ...(s.upToDate || s.lastFailure !== undefined || s.desiredReplicas === 0 || s.staleSecrets.length > 0
    ? []
    : ['the files ask for something else; see: orca plan']),
];

const colourOf = ({ status }: ServiceStatus, palette: Palette): ((text: string) => string) => {
  if (status === 'running') return palette.green;
  return status === 'failed' || status === 'missing' || status === 'crash_loop' ? palette.red : palette.yellow;
};

const age = ({ startedAt, runningReplicas }: ServiceStatus, now: number): string => {
  if (startedAt === undefined || runningReplicas === 0) return '-';
  const secs = Math.max(0, Math.floor((now - Date.parse(startedAt)) / 1000));
  if (secs < 60) return `${secs}s`;
  if (secs < 3600) return `${Math.floor(secs / 60)}m`;
  return secs < 86_400 ? `${Math.floor(secs / 3600)}h` : `${Math.floor(secs / 86_400)}d`;
};
