import type { Ejections } from './ejection.ts';
import type { Observer } from './events.ts';
import type { Holds } from './hold.ts';
import type { Hold, Route, Target } from './route.ts';
import { stickyField } from './sticky.ts';
import { holdOf, type Choice, type Table } from './table.ts';
import type { RawFields, UpstreamFailure } from './upstream.ts';

export interface AttemptsDeps {
  readonly table: Table;
  readonly ejections: Ejections;
  readonly holds: Holds;
  readonly observe: Observer;
}

/** What of a request decides where it goes. */
export interface Asked {
  readonly name: string | undefined;
  readonly path: string;
  readonly fields: RawFields;
  /** RFC 9110 §9.2.2: repeating it changes nothing. */
  readonly isRepeatable: boolean;
}

const nobody: ReadonlySet<string> = new Set();

/** Where one request goes, over as many attempts as are safe. */
export class Attempts {
  readonly #deps: AttemptsDeps;
  readonly #asked: Asked;
  /** Targets that could not be reached; made only when there is one. */
  #tried: Set<string> | undefined;
  #route: Route | undefined;
  #target: Target | undefined;
  /** For a client that is to stay with this target from now on. */
  #token: Buffer | undefined;
  #isReplayed = false;
  /** Until when it may wait, once it has begun to. */
  #heldUntil: number | undefined;
  #unhold: (() => void) | undefined;

  constructor(deps: AttemptsDeps, asked: Asked) {
    this.#deps = deps;
    this.#asked = asked;
  }

  /** Whom it was sent to last. */
  get target(): Target | undefined {
    return this.#target;
  }

  /** It must not go over a connection that was used before: that was its fate already. */
  get isReplayed(): boolean {
    return this.#isReplayed;
  }

  next(): Choice {
    const choice = this.#choose();
    if (choice.kind !== 'target') return choice;
    this.#deps.ejections.chosen(choice.target.id);
    this.#route = choice.route;
    this.#target = choice.target;
    this.#token = choice.token;
    return choice;
  }

  reached(): void {
    if (this.#target !== undefined) this.#deps.ejections.reached(this.#target.id);
    if (this.#route !== undefined) this.#deps.holds.reached(this.#route);
  }

  /**
   * What may follow a failure: another target when nothing was sent, or a while of waiting for the
   * same; the same request again when only a stale connection stood in the way; else nothing.
   */
  failed({ kind }: UpstreamFailure, isBodyBegun: boolean): 'again' | 'wait' | 'end' {
    if (this.#target === undefined) return 'end';
    if (kind !== 'connect') {
      this.reached();
      if (kind !== 'stale' || isBodyBegun || this.#isReplayed || !this.#asked.isRepeatable) return 'end';
      this.#isReplayed = true;
      return 'again';
    }
    const forMs = this.#deps.ejections.failed(this.#target.id);
    if (forMs !== undefined) this.#deps.observe({ kind: 'target-ejected', targetId: this.#target.id, forMs });
    if (isBodyBegun) return 'end';
    this.#tried = (this.#tried ?? new Set()).add(this.#target.id);
    if (this.#choose().kind === 'target') return 'again';
    return this.#route !== undefined && holdOf(this.#route) !== undefined ? 'wait' : 'end';
  }

  /** Waits for the table to change; after a failure also for the target to be back. */
  wait(then: { readonly again: () => void; readonly expired: () => void }, choice?: HoldChoice): void {
    const { holds } = this.#deps;
    const route = choice?.route ?? this.#route;
    const hold = route === undefined ? undefined : holdOf(route);
    if (route === undefined || hold === undefined) return then.expired();
    this.#tried = undefined;
    this.#target = undefined;
    this.#heldUntil ??= holds.now() + hold.maxMs;
    this.#unhold = holds.enter(route, { deadline: this.#heldUntil, ...then }, choice === undefined);
    if (this.#unhold === undefined) then.expired();
  }

  /** It waits no longer. */
  leave(): void {
    this.#unhold?.();
  }

  /** The field that makes the client stay with the target that answered. */
  cookie(isSecure: boolean): RawFields {
    if (this.#route?.sticky === undefined || this.#token === undefined) return [];
    return ['Set-Cookie', stickyField(this.#route.sticky, this.#token, { path: this.#route.pathPrefix, isSecure })];
  }

  #choose(): Choice {
    const { name, path, fields } = this.#asked;
    return this.#deps.table.choose(name, path, this.#tried ?? nobody, fields);
  }
}

type HoldChoice = Extract<Choice, { kind: 'hold' }>;

/** Whether the route wants this request answered 200 while others wait. */
export const isHealthCheck = (method: string | undefined, path: string, { healthPaths }: Hold): boolean => {
  if (healthPaths === undefined || (method !== 'GET' && method !== 'HEAD')) return false;
  const end = path.indexOf('?');
  return healthPaths.includes(end === -1 ? path : path.slice(0, end));
};
