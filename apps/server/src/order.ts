import type { WireFailure, WireIssue } from '@orca/api';
import type { DesiredService, Quarantined } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';
import type { Accepted } from './accepted.ts';
import type { Before } from './call-off.ts';
import type { Deployment } from './deployment.ts';

/** What was promised, and is now to be done. */
export interface Order {
  readonly deployment: Deployment;
  readonly names: ReadonlySet<string>;
  /** Services whose run under way is for something that is not wanted any more. */
  readonly supersede: readonly string[];
  readonly before: Before;
  /** Removals that the prune guard refused. */
  readonly guarded: readonly { readonly service: string; readonly reasons: readonly string[] }[];
}

/** Services that the plan takes away altogether, and those that are gone from the files and left nothing to take away. */
export const removals = (
  steps: readonly { readonly action: { readonly service: string } }[],
  desired: readonly DesiredService<ServiceSpec>[],
  accepted: Accepted,
  named: ReadonlySet<string> | undefined,
): readonly string[] => {
  const kept = new Set(desired.map((d) => d.spec.name as string));
  const promised = named === undefined ? accepted.services().map((d) => d.spec.name as string) : [];
  return [...new Set([...steps.map((s) => s.action.service), ...promised])].filter((name) => !kept.has(name));
};

/** Why a request names what there is not, in words. */
export const unknownNames = (
  asked: readonly string[] | 'all',
  services: readonly DesiredService<ServiceSpec>[],
): string | undefined => {
  if (asked === 'all') return undefined;
  const known = services.map((d) => d.spec.name as string);
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length === 0) return undefined;
  return `no such service: ${unknown.join(', ')} (there are: ${known.join(', ') || 'none'})`;
};

/** Whoever asks for what failed before should know that it is tried again, with all that this costs. */
export const triedAgain = (
  wanted: readonly DesiredService<ServiceSpec>[],
  quarantined: Quarantined,
): readonly WireIssue[] =>
  wanted.flatMap(({ spec: { name, source }, revision, isPaused }) => {
    const failed = quarantined.get(name);
    if (failed?.revision !== revision || isPaused) return [];
    const message = `failed before, and is tried again as it is: ${failed.reason}`;
    return [{ severity: 'warning', ...source, col: 1, path: name, message }];
  });

/** A deploy of everything does not start what was stopped by request; who expects it to should be told. */
export const staysStopped = (
  wanted: readonly DesiredService<ServiceSpec>[],
  named: ReadonlySet<string> | undefined,
): readonly WireIssue[] =>
  wanted.flatMap(({ spec: { name, source }, isPaused }) => {
    if (!isPaused || named?.has(name) === true) return [];
    const message = `stays stopped, as was asked for; to start it: orca deploy ${name}`;
    return [{ severity: 'warning', ...source, col: 1, path: name, message }];
  });

export const overtakenBy = (service: string): WireFailure => ({
  service,
  reason: 'a newer deploy or stop asked for something else meanwhile; see: orca status',
  logs: [],
});
