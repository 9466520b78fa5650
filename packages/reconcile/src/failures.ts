import { instanceKey } from './identity.ts';
import type { ObservedState, PlanInput, Plannable, Quarantined, Revision, Step } from './model.ts';

export interface StepFailure<S extends Plannable> {
  readonly step: Step<S>;
  readonly error: unknown;
}

/** What a failed step says about the future. */
export type Verdict =
  /** The wanted revision does not work: it is remembered, and not tried again until something new is asked. */
  | { readonly kind: 'quarantine'; readonly service: string; readonly revision: Revision; readonly reason: string }
  /** The world failed, not the revision: the same may succeed later. */
  | { readonly kind: 'retry' };

/**
 * Judges one failed step. A revision is only blamed for trouble while it was being brought
 * up for the first time, and never for an error that says itself that it may be retried.
 */
export const judge = <S extends Plannable>(
  { step, error }: StepFailure<S>,
  input: Pick<PlanInput<S>, 'desired' | 'observed'>,
): Verdict => {
  const desired = input.desired.find((d) => d.spec.name === step.action.service);
  if (desired === undefined || isRetryable(error)) return { kind: 'retry' };
  // It was well once, and has to come up anew because its instances are gone: the revision is not what is wrong.
  if (desired.lastGood?.revision === desired.revision) return { kind: 'retry' };
  if (!bringsUp(step, desired.spec, desired.revision) || isProven(step, input.observed)) return { kind: 'retry' };
  return { kind: 'quarantine', service: desired.spec.name, revision: desired.revision, reason: messageOf(error) };
};

/** Whether the step was bringing up the wanted revision; trouble with an old one says nothing about the new. */
const bringsUp = <S extends Plannable>({ action }: Step<S>, spec: S, wanted: Revision): boolean => {
  if (action.kind === 'prepare') return true;
  const isBringUp = ['create', 'start', 'awaitReady', 'route', 'commit'].includes(action.kind);
  return (
    isBringUp &&
    Array.from({ length: spec.replicas }, (_, i) => instanceKey(spec.name, i + 1, wanted)).includes(action.key)
  );
};

/** What once was proven may have trouble today; its revision is not what is wrong. */
const isProven = <S extends Plannable>({ action }: Step<S>, observed: ObservedState): boolean =>
  action.kind !== 'prepare' &&
  observed.kind === 'known' &&
  observed.instances.some((i) => i.key === action.key && i.stage !== 'candidate');

const isRetryable = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === true;

export const messageOf = (error: unknown): string => (Error.isError(error) ? error.message : String(error));

/** The caller's memory of failed revisions, which `converge` and the loop add to. */
export type Quarantine = Map<string, Quarantined extends ReadonlyMap<string, infer V> ? V : never>;
