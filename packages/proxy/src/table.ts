import type { Ledger } from './ledger.ts';
import { findRoute, indexRoutes, type Route, type RouteIndex, type RouteTable, type Target } from './route.ts';
import { checkTable } from './route-check.ts';

export type Choice = { readonly route: Route; readonly target: Target } | { readonly status: 404 | 503 };

/** The table in force, and who is next in it. */
export class Table {
  readonly #ledger: Ledger;
  #index: RouteIndex = new Map();
  #targets: ReadonlyMap<string, Target> = new Map();
  #turn = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** All or nothing. */
  replace(next: RouteTable): readonly Target[] {
    checkTable(next);
    const targets = next.routes.flatMap((route) => route.targets);
    this.#index = indexRoutes(next);
    this.#targets = new Map(targets.map((target) => [target.id, target]));
    return targets;
  }

  isRouted(targetId: string): boolean {
    return this.#targets.has(targetId);
  }

  /** The route for a host and a raw path, whether or not it has targets. */
  find(name: string | undefined, path: string): Route | undefined {
    return name === undefined ? undefined : findRoute(this.#index, name, path);
  }

  /** The least busy target that was not tried yet; equals take turns. */
  choose(name: string | undefined, path: string, tried: ReadonlySet<string>): Choice {
    const route = this.find(name, path);
    if (route === undefined) return { status: 404 };
    const { targets } = route;
    this.#turn = (this.#turn + 1) % 0x1_0000_0000;
    let best: Target | undefined;
    let least = Infinity;
    for (let i = 0; i < targets.length; i += 1) {
      const target = targets[(this.#turn + i) % targets.length];
      if (target === undefined || tried.has(target.id)) continue;
      const count = this.#ledger.count(target.id);
      if (count < least) [best, least] = [target, count];
    }
    return best === undefined ? { status: 503 } : { route, target: best };
  }
}
