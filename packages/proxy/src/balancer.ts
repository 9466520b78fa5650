import type { Ejections } from './ejection.ts';
import type { Ledger } from './ledger.ts';
import type { Target } from './route.ts';

export interface BalancerParts {
  readonly ledger: Pick<Ledger, 'count'>;
  readonly ejections: Pick<Ejections, 'isOut'>;
  /** From 0 to 1, as `Math.random`. */
  readonly random: () => number;
}

/** Whom a request may go to; each is looked at only when the one before has nobody. */
type Tier = (target: Target) => boolean;

/**
 * The next target: of equal weights the least busy one, and by chance among those; of different
 * weights the less busy of two that are drawn by weight, so that shares are right at rest too.
 */
export class Balancer {
  readonly #parts: BalancerParts;
  readonly #tiers: readonly Tier[];

  constructor(parts: BalancerParts) {
    const { ejections } = parts;
    this.#parts = parts;
    this.#tiers = [
      (target) => weightOf(target) > 0 && !ejections.isOut(target.id),
      (target) => !ejections.isOut(target.id),
      // A target that is out may be back, and that chance is better than none.
      () => true,
    ];
  }

  /** `undefined` when every target was tried. */
  pick(targets: readonly Target[], tried: ReadonlySet<string>): Target | undefined {
    if (targets.length === 1) return targets[0] !== undefined && tried.has(targets[0].id) ? undefined : targets[0];
    for (const tier of this.#tiers) {
      const target = isEven(targets) ? this.#leastBusy(targets, tried, tier) : this.#byWeight(targets, tried, tier);
      if (target !== undefined) return target;
    }
    return undefined;
  }

  #leastBusy(targets: readonly Target[], tried: ReadonlySet<string>, tier: Tier): Target | undefined {
    let [best, least, ties] = [undefined as Target | undefined, Infinity, 0];
    for (const target of targets) {
      if (tried.has(target.id) || !tier(target)) continue;
      const count = this.#parts.ledger.count(target.id);
      if (count > least) continue;
      ties = count < least ? 1 : ties + 1;
      least = count;
      // Each of the equals ends up chosen with the same chance.
      if (ties === 1 || this.#parts.random() * ties < 1) best = target;
    }
    return best;
  }

  #byWeight(targets: readonly Target[], tried: ReadonlySet<string>, tier: Tier): Target | undefined {
    let total = 0;
    for (const target of targets) if (!tried.has(target.id) && tier(target)) total += shareOf(target);
    if (total === 0) return undefined;
    const draw = (): Target | undefined => {
      let left = this.#parts.random() * total;
      let last: Target | undefined;
      for (const target of targets) {
        if (tried.has(target.id) || !tier(target)) continue;
        last = target;
        left -= shareOf(target);
        if (left < 0) return target;
      }
      return last;
    };
    const [one, other] = [draw(), draw()];
    if (one === undefined || other === undefined) return one;
    return this.#load(other) < this.#load(one) ? other : one;
  }

  #load(target: Target): number {
    return this.#parts.ledger.count(target.id) / shareOf(target);
  }
}

const weightOf = ({ weight = 1 }: Target): number => weight;

/** A weight of 0 is drawn only where there is nothing else: then it must have some chance. */
const shareOf = (target: Target): number => weightOf(target) || Number.MIN_VALUE;

const isEven = (targets: readonly Target[]): boolean => {
  const first = targets[0]?.weight ?? 1;
  for (const { weight = 1 } of targets) if (weight !== first) return false;
  return true;
};
