import { Balancer } from './balancer.ts';
import type { Ejections } from './ejection.ts';
import type { Ledger } from './ledger.ts';
import type { Hold, Route, RouteTable, Target } from './route.ts';
import { RouteIndex, type Entry } from './route-index.ts';
import { fieldValue } from './raw-fields.ts';
import { checkTable } from './route-check.ts';
import { cookieValue, stuckTo } from './sticky.ts';
import type { RawFields } from './upstream.ts';

/** What is to become of a request. */
export type Choice =
  | {
      readonly kind: 'target';
      readonly route: Route;
      readonly target: Target;
      /** Makes the client stay with this target; `undefined` when it does already, or need not. */
      readonly token: Buffer | undefined;
    }
  /** Nobody is there at the moment, and the route asks to wait for somebody. */
  | { readonly kind: 'hold'; readonly route: Route; readonly hold: Hold }
  | { readonly kind: 'none'; readonly status: 404 | 503; readonly isStopped: boolean };

export interface TableParts {
  readonly ledger: Ledger;
  readonly ejections: Ejections;
  readonly random: () => number;
}

const unknown: Choice = { kind: 'none', status: 404, isStopped: false };
const unavailable: Choice = { kind: 'none', status: 503, isStopped: false };
const stopped: Choice = { kind: 'none', status: 503, isStopped: true };

/** The table in force, and who is next in it. */
export class Table {
  readonly #parts: TableParts;
  readonly #balancer: Balancer;
  #index = new RouteIndex({ routes: [] });
  #targets: ReadonlyMap<string, Target> = new Map();
  #httpsHosts: ReadonlySet<string> = new Set();

  constructor(parts: TableParts) {
    this.#parts = parts;
    this.#balancer = new Balancer(parts);
  }

  /** All or nothing. */
  replace(next: RouteTable): readonly Target[] {
    checkTable(next);
    const targets = next.routes.flatMap((route) => route.targets);
    this.#index = new RouteIndex(next);
    this.#httpsHosts = new Set(next.httpsHosts);
    this.#targets = new Map(targets.map((target) => [target.id, target]));
    this.#parts.ejections.retain((id) => this.isRouted(id));
    return targets;
  }

  isRouted(targetId: string): boolean {
    return this.#targets.has(targetId);
  }

  /** Hosts whose certificate is good. */
  get httpsHosts(): ReadonlySet<string> {
    return this.#httpsHosts;
  }

  /** The route for a host and a raw path, whether or not it has targets. */
  find(name: string | undefined, path: string): Route | undefined {
    return this.#entry(name, path)?.route;
  }

  /** Whether requests for this claim have nobody to go to and are to wait. */
  isHeld(claim: string): boolean {
    const route = this.#index.claimed(claim)?.route;
    return route !== undefined && route.targets.length === 0 && holdOf(route) !== undefined;
  }

  /** The target for a request, among those that were not tried yet. */
  choose(name: string | undefined, path: string, tried: ReadonlySet<string>, fields: RawFields): Choice {
    const entry = this.#entry(name, path);
    if (entry === undefined) return unknown;
    const { route, tokens } = entry;
    if (route.isStopped === true) return stopped;
    const stuck = tokens === undefined ? undefined : this.#stuck(entry, fields, tried);
    const target = stuck ?? this.#balancer.pick(route.targets, tried);
    if (target === undefined) {
      const hold = tried.size === 0 ? holdOf(route) : undefined;
      return hold === undefined ? unavailable : { kind: 'hold', route, hold };
    }
    const isNew = tokens !== undefined && stuck === undefined;
    return { kind: 'target', route, target, token: isNew ? tokens[route.targets.indexOf(target)] : undefined };
  }

  #entry(name: string | undefined, path: string): Entry | undefined {
    return name === undefined ? undefined : this.#index.find(name, path);
  }

  #stuck({ route, tokens = [] }: Entry, fields: RawFields, tried: ReadonlySet<string>): Target | undefined {
    const { sticky, targets } = route;
    if (sticky === undefined) return undefined;
    const target = targets[stuckTo(tokens, cookieValue(fieldValue(fields, 'cookie'), sticky.cookie))];
    if (target === undefined || tried.has(target.id) || this.#parts.ejections.isOut(target.id)) return undefined;
    return target;
  }
}

/** How long requests of this route may wait; `undefined` for not at all. */
export const holdOf = ({ hold, isStopped }: Route): Hold | undefined =>
  hold === undefined || hold.maxMs === 0 || isStopped === true ? undefined : hold;
