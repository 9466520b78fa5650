import { apply, type Applied, type ApplyOptions } from './apply.ts';
import { judge, type Quarantine, type StepFailure } from './failures.ts';
import type { Plan, PlanInput, Plannable, Step } from './model.ts';
import { plan } from './plan.ts';
import type { Ports } from './ports.ts';

/** What a turn begins with; the memory of failed revisions is added by `converge` itself. */
export interface Gathered<S extends Plannable> extends Omit<PlanInput<S>, 'memory'> {
  readonly memory?: Omit<PlanInput<S>['memory'], 'quarantined'>;
}

export interface ConvergeOptions<S extends Plannable> extends ApplyOptions<S> {
  /** Reads the desired and the observed state; called before every turn. */
  readonly gather: (signal: AbortSignal) => Promise<Gathered<S>>;
  /** Read and added to here; the caller forgets an entry when new input makes another try worth while. */
  readonly quarantine: Quarantine;
  readonly onPlan?: (plan: Plan<S>, turn: number) => void;
}

export interface Converged<S extends Plannable> {
  /** `blocked`: nothing failed, but something desired cannot be reached. `failed` includes a successful way back. */
  readonly outcome: 'converged' | 'blocked' | 'failed' | 'cancelled';
  /** Something failed that may succeed on its own later. */
  readonly mayRetry: boolean;
  readonly turns: number;
  readonly done: readonly Step<S>[];
  readonly failed: readonly StepFailure<S>[];
  /** The last plan made; empty of steps when nothing is left to do. */
  readonly last: Plan<S>;
}

/** A world that still asks for changes after so many turns is moving under us; the next trigger goes on. */
const maxTurns = 8;

/**
 * Gathers, plans and applies until nothing is left to do. A revision that fails is
 * remembered, and the next turn plans without it: that is the way back to the last healthy
 * one, found by the same rules as everything else rather than by an undo log. What failed
 * for another reason ends the run with `mayRetry`: when to come back is the caller's choice.
 */
export const converge = async <S extends Plannable>(
  ports: Ports<S>,
  options: ConvergeOptions<S>,
): Promise<Converged<S>> => {
  const done: Step<S>[] = [];
  const failed: StepFailure<S>[] = [];
  for (let turn = 1; ; turn += 1) {
    const input = await options.gather(options.signal);
    const next = plan({ ...input, memory: { ...input.memory, quarantined: options.quarantine } });
    options.onPlan?.(next, turn);
    const ended = (outcome: Converged<S>['outcome'], mayRetry: boolean): Converged<S> => ({
      outcome,
      mayRetry,
      turns: turn,
      done,
      failed,
      last: next,
    });
    if (next.steps.length === 0) {
      const isUnknown = input.observed.kind === 'unknown';
      if (failed.length > 0) return ended('failed', isUnknown);
      return ended(next.blocked.length > 0 ? 'blocked' : 'converged', isUnknown);
    }
    const applied = await apply(next, ports, options);
    done.push(...applied.done);
    if (applied.outcome === 'cancelled') return ended('cancelled', true);
    failed.push(...applied.failed);
    const learned = learn(applied, input, options.quarantine);
    // A way back must not wait for a retry; a retry without news would be the same again.
    if ((applied.outcome === 'failed' && !learned) || turn === maxTurns) return ended('failed', true);
  }
};

/** Remembers which wanted revisions failed; false when there is nothing new to plan with. */
const learn = <S extends Plannable>(applied: Applied<S>, input: Gathered<S>, quarantine: Quarantine): boolean => {
  let learned = false;
  for (const failure of applied.failed) {
    const verdict = judge(failure, input);
    if (verdict.kind === 'retry' || quarantine.get(verdict.service)?.revision === verdict.revision) continue;
    quarantine.set(verdict.service, { revision: verdict.revision, reason: verdict.reason });
    learned = true;
  }
  return learned;
};
