import { shortKey, verbOf } from './chain.ts';
import type { Plan, Plannable, Step } from './model.ts';

/** A plan as text: a line a step in the order given, then what is blocked, and what stays as it is. */
export const formatPlan = <S extends Plannable>(plan: Plan<S>): string => {
  const numbers = new Map(plan.steps.map((step, index) => [step.id, index + 1]));
  const width = Math.max(0, ...plan.steps.map((s) => `${subjectOf(s)} ${verbOf(s.action.kind)}`.length));
  const lines = plan.steps.map((step, index) => {
    const what = `${subjectOf(step)} ${verbOf(step.action.kind)}`.padEnd(width);
    const after = step.after.map((id) => numbers.get(id)).filter((n) => n !== undefined);
    const wait = after.length === 0 ? '' : `, after ${after.join(' ')}`;
    return `${String(index + 1).padStart(3)} ${what}  (${step.action.reason}${wait})`;
  });
  const blocked = plan.blocked.map((b) => `  ! ${b.service}: ${b.reasons.join('; ')}`);
  const unchanged = plan.unchanged.length === 0 ? [] : [`  = ${plan.unchanged.join(', ')}`];
  const all = [...lines, ...blocked, ...unchanged];
  return all.length === 0 ? 'nothing to do' : all.join('\n');
};

const subjectOf = <S extends Plannable>({ action }: Step<S>): string =>
  action.kind === 'prepare' ? action.service : shortKey(action.key);
