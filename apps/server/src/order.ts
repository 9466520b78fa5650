import type { WireFailure, WireIssue } from '@orca/api';
import type { DesiredService, ObservedState, Quarantined } from '@orca/reconcile';
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

/**
 * Of the services that are to be made anew, with how often each had been when that was asked for:
 * those that nobody has made anew since. One that was called off since goes back to a lower number,
 * and is nobody's answer.
 */
export const stillToMakeAnew = (
  asked: ReadonlyMap<string, number>,
  accepted: Pick<Accepted, 'generationOf'>,
): ReadonlySet<string> =>
  new Set([...asked].flatMap(([name, then]) => (accepted.generationOf(name) > then ? [] : [name])));

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

/**
 * Services that a deploy of everything leaves as they are: what it asks for failed before, and
 * an older instance serves that another try could take off the air. Naming the service tries it.
 */
export const leftAlone = (
  wanted: readonly DesiredService<ServiceSpec>[],
  o: {
    readonly quarantined: Quarantined;
    readonly observed: ObservedState;
    readonly named: ReadonlySet<string> | undefined;
  },
): ReadonlySet<string> => {
  const { quarantined, observed, named } = o;
  if (named !== undefined || observed.kind === 'unknown') return new Set();
  const serving = new Set(
    observed.instances.flatMap((i) => (i.stage === 'current' && i.status === 'running' ? [i.service] : [])),
  );
  const isLeft = ({ spec: { name }, revision }: DesiredService<ServiceSpec>): boolean =>
    serving.has(name) && quarantined.get(name)?.revision === revision;
  return new Set(wanted.filter(isLeft).map((d) => d.spec.name));
};

/** Whoever asks for what failed before should know what becomes of it: another try, with all that it costs, or none. */
export const failedBefore = (
  wanted: readonly DesiredService<ServiceSpec>[],
  quarantined: Quarantined,
  left: ReadonlySet<string>,
): readonly WireIssue[] =>
  wanted.flatMap(({ spec: { name, source }, revision, isPaused }) => {
    const failed = quarantined.get(name);
    if (failed?.revision !== revision || isPaused) return [];
    const message = left.has(name)
      ? `failed before and nothing of it has changed, so the one before it goes on serving; to try it again: orca deploy ${name}`
      : `failed before, and is tried again as it is: ${failed.reason}`;
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
