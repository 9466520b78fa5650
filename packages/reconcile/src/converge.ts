import { apply, type Applied, type ApplyOptions } from './apply.ts';
import { instanceKey } from './identity.ts';
import type { Memory, Plan, PlanInput, Plannable, Revision, Step } from './model.ts';
import { plan } from './plan.ts';
import type { Ports } from './ports.ts';

export interface ConvergeOptions<S extends Plannable> extends ApplyOptions<S> {
  /** Reads the desired and the observed state; called before every turn. */
  readonly gather: (signal: AbortSignal) => Promise<Omit<PlanInput<S>, 'memory'>>;
  /** The caller's memory of failed revisions: read and added to here, forgotten by the caller on new input. */
  readonly quarantine: Map<string, { readonly revision: Revision; readonly reason: string }>;
  readonly onPlan?: (plan: Plan<S>, turn: number) => void;
}

export interface Converged<S extends Plannable> {
  /** `blocked`: nothing failed, but something desired cannot be reached. `failed` includes a successful way back. */
  readonly outcome: 'converged' | 'blocked' | 'failed' | 'cancelled';
  readonly turns: number;
  readonly done: readonly Step<S>[];
  readonly failed: Applied<S>['failed'];
  /** The last plan made; empty of steps when nothing is left to do. */
  readonly last: Plan<S>;
}

/** A world that still asks for changes after so many turns is moving under us; the next trigger goes on. */
const maxTurns = 8;

/**
 * Gathers, plans and applies until nothing is left to do. A revision that fails is
 * remembered, and the next turn plans without it: that is the way back to the last healthy
 * one, found by the same rules as everything else rather than by an undo log.
 */
export const converge = async <S extends Plannable>(
  ports: Ports<S>,
  options: ConvergeOptions<S>,
): Promise<Converged<S>> => {
  const done: Step<S>[] = [];
  const failed: Applied<S>['failed'][number][] = [];
  for (let turn = 1; ; turn += 1) {
    const input = await options.gather(options.signal);
    const memory: Memory = { quarantined: options.quarantine };
    const next = plan({ ...input, memory });
    options.onPlan?.(next, turn);
    const ended = (outcome: Converged<S>['outcome']): Converged<S> => ({
      outcome,
      turns: turn,
      done,
      failed,
      last: next,
    });
    if (next.steps.length === 0)
      return ended(failed.length > 0 ? 'failed' : next.blocked.length > 0 ? 'blocked' : 'converged');
    const applied = await apply(next, ports, options);
    done.push(...applied.done);
    failed.push(...applied.failed);
    if (applied.outcome === 'cancelled') return ended('cancelled');
    const mayGoOn = applied.outcome === 'applied' || learn(applied, input, options.quarantine);
    if (!mayGoOn || turn === maxTurns) return ended('failed');
  }
};

/** Remembers which wanted revisions failed; false when there is nothing new to plan with. */
const learn = <S extends Plannable>(
  applied: Applied<S>,
  input: Omit<PlanInput<S>, 'memory'>,
  quarantine: ConvergeOptions<S>['quarantine'],
): boolean => {
  let learned = false;
  for (const { step, error } of applied.failed) {
    const desired = input.desired.find((d) => d.spec.name === step.action.service);
    if (desired === undefined || isRetryable(error) || !concerns(step, desired.spec, desired.revision)) continue;
    if (quarantine.get(desired.spec.name)?.revision === desired.revision) continue;
    quarantine.set(desired.spec.name, { revision: desired.revision, reason: messageOf(error) });
    learned = true;
  }
  return learned;
};

/** Whether the step was bringing up the wanted revision; trouble with an old one says nothing about the new. */
const concerns = <S extends Plannable>({ action }: Step<S>, spec: S, wanted: Revision): boolean => {
  if (action.kind === 'prepare') return true;
  const isBringUp = ['create', 'start', 'awaitReady', 'route', 'commit'].includes(action.kind);
  return (
    isBringUp &&
    Array.from({ length: spec.replicas }, (_, i) => instanceKey(spec.name, i + 1, wanted)).includes(action.key)
  );
};

const isRetryable = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === true;

const messageOf = (error: unknown): string => (Error.isError(error) ? error.message : String(error));
