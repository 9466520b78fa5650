import { type ClusterSpec, formatIssue, parseClusterSpec, parseDesiredState } from '@orca/spec';
import type { Parsed, ServiceSpec, SpecFile } from '@orca/spec';

export const ROOT = '/srv/infra';

export function serviceFile(text: string, directory = 'web'): SpecFile {
  return { path: `services/${directory}/service.toml`, text };
}

/** A minimal service with further lines, so that a test shows only what it is about. */
export function web(...lines: readonly string[]): string {
  return ['[[service]]', 'name = "web"', 'image = "web:1"', ...lines, ''].join('\n');
}

export function named(name: string, ...lines: readonly string[]): string {
  return ['[[service]]', `name = "${name}"`, 'image = "web:1"', ...lines, ''].join('\n');
}

export function cluster(text: string): ClusterSpec {
  return valueOf(parseClusterSpec({ path: 'cluster.toml', text }));
}

/** The one service of a text that has to be right. */
export function serviceOf(text: string, clusterText = ''): ServiceSpec {
  const parsed = parseDesiredState([serviceFile(text)], { root: ROOT, cluster: cluster(clusterText) });
  const [service] = valueOf(parsed).services;
  if (service === undefined) throw new Error('the text has no service');
  return service;
}

/** All issues of one file, or of several, as people see them. */
export function issuesOf(input: string | readonly SpecFile[], clusterText = ''): readonly string[] {
  const files = typeof input === 'string' ? [serviceFile(input)] : input;
  return linesOf(parseDesiredState(files, { root: ROOT, cluster: cluster(clusterText) }));
}

export function clusterIssues(text: string): readonly string[] {
  return linesOf(parseClusterSpec({ path: 'cluster.toml', text }));
}

export function linesOf(parsed: Parsed<unknown>): readonly string[] {
  return (parsed.ok ? parsed.warnings : parsed.issues).map((issue) =>
    issue.severity === 'warning' ? `warning ${formatIssue(issue)}` : formatIssue(issue),
  );
}

export function valueOf<T>(parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.value;
  throw new Error(parsed.issues.map(formatIssue).join('\n'));
}
