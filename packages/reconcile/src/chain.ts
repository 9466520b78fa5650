import type { ActionKind, ActionOf, Plannable, Step } from './model.ts';

/** A run of steps that follow one another; the shape nearly every change of a slot has. */
export interface Chain<S extends Plannable> {
  readonly steps: readonly Step<S>[];
  /** Id of the last step, or what the chain was told to come after when it has none. */
  readonly last: readonly string[];
}

/** What the first of a chain comes after: one list for all of them. */
export const none: readonly string[] = [];

/** Links actions one after another, the first after `after`. */
export const chain = <S extends Plannable>(
  actions: readonly ActionOf<S>[],
  after: readonly string[] = none,
): Chain<S> => {
  const steps: Step<S>[] = [];
  let last = after;
  for (const action of actions) {
    const id = stepId(action);
    steps.push({ id, after: last, action });
    last = [id];
  }
  return { steps, last };
};

/** The same step of the same plan always has the same id: plans can be compared and tests can name steps. */
export const stepId = <S extends Plannable>(action: ActionOf<S>): string =>
  action.kind === 'prepare' ? action.service + endings.prepare : action.key + endings[action.kind];

/** With the space before it: ids are much of what a plan holds, and one concatenation holds less than two. */
const endings: Readonly<Record<ActionKind, string>> = {
  prepare: ' prepare',
  create: ' create',
  start: ' start',
  awaitReady: ' awaitReady',
  route: ' route',
  drain: ' drain',
  stop: ' stop',
  commit: ' commit',
  repair: ' repair',
  remove: ' remove',
};

/** An id of a step as people read it: `web/1@0123456 await ready`. */
export const stepInWords = (id: string): string => {
  const verb = Object.keys(verbs).find((kind): kind is ActionKind => id.endsWith(` ${kind}`));
  if (verb === undefined) return id;
  const subject = id.slice(0, -verb.length - 1);
  return `${subject.includes('@') ? shortKey(subject) : subject} ${verbOf(verb)}`;
};

const verbs: Readonly<Record<ActionKind, string>> = {
  prepare: 'prepare',
  create: 'create',
  start: 'start',
  awaitReady: 'await ready',
  route: 'route',
  drain: 'drain',
  stop: 'stop',
  commit: 'commit',
  repair: 'repair',
  remove: 'remove',
};

/** The action's verb as people read it. */
export const verbOf = (kind: ActionKind): string => verbs[kind];

/** `web/1@h1:0123456789ab…` as people read it: `web/1@0123456`. */
export const shortKey = (key: string): string => {
  const at = key.lastIndexOf('@');
  const rev = key.slice(at + 1);
  return `${key.slice(0, at)}@${rev.slice(rev.indexOf(':') + 1).slice(0, 7)}`;
};
