import type { DeployEvent, WireChange, WireIssue, WireStep } from '@orca/api';
import { stepInWords, verbOf, type Plan, type ReconcileEvent, type Step } from '@orca/reconcile';
import type { Issue, ServiceSpec } from '@orca/spec';

/** A step in the words of the wire. */
export const wireStep = ({ id, action }: Step<ServiceSpec>): WireStep => ({
  id,
  service: action.service,
  action: verbOf(action.kind),
  reason: action.reason,
});

export const wirePlan = (plan: Plan<ServiceSpec>): DeployEvent => ({
  type: 'plan',
  steps: plan.steps.map(wireStep),
  unchanged: plan.unchanged,
  blocked: plan.blocked,
});

/** The one place where the loop's events become the wire's. */
export const wireEvent = (event: ReconcileEvent<ServiceSpec>, redact: (text: string) => string): DeployEvent => {
  const step = wireStep(event.step);
  switch (event.type) {
    case 'step.started':
      return { type: 'step', step, state: 'started' };
    case 'step.done':
      return { type: 'step', step, state: 'done', ms: event.ms };
    case 'step.failed':
      if (isAbort(event.error))
        return { type: 'step', step, state: 'skipped', detail: 'called off: not wanted any more' };
      return { type: 'step', step, state: 'failed', ms: event.ms, detail: redact(messageOf(event.error)) };
    case 'step.skipped':
      return { type: 'step', step, state: 'skipped', detail: skipped(event.because) };
    default:
      return event satisfies never;
  }
};

const isAbort = (error: unknown): boolean => Error.isError(error) && error.name === 'AbortError';

/** The step that failed before it, or that nothing failed. */
const skipped = (because: string): string =>
  because === 'cancelled' ? 'called off: not wanted any more' : `after ${stepInWords(because)}`;

export const wireIssue = (issue: Issue): WireIssue => ({ ...issue });

/** What was done to each service, in one word, from the steps that succeeded. */
export const wireChanges = (done: readonly Step<ServiceSpec>[]): readonly WireChange[] => {
  const deeds = new Map<string, Set<string>>();
  for (const { action } of done) {
    const did = deeds.get(action.service) ?? new Set();
    deeds.set(action.service, did.add(action.kind));
    if (action.kind === 'remove') did.add(action.what);
  }
  return [...deeds]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([service, did]) => {
      const change = changeOf(did);
      return change === undefined ? [] : [{ service, change }];
    });
};

/** Kinds of the actions that were done, and what those were that were removed. */
const changeOf = (did: ReadonlySet<string>): WireChange['change'] | undefined => {
  if (did.has('commit')) return did.has('remove') || did.has('stop') ? 'recreated' : 'created';
  if (did.has('start')) return 'started';
  if (did.has('unwanted')) return 'removed';
  if (did.has('replaced')) return 'recreated';
  if (did.has('surplus')) return 'scaled_down';
  if (did.has('leftover')) return 'cleared';
  if (did.has('stop')) return 'stopped';
  if (did.has('repair')) return 'repaired';
  return did.has('route') || did.has('drain') ? 'rerouted' : undefined;
};

export const messageOf = (error: unknown): string => (Error.isError(error) ? error.message : String(error));
