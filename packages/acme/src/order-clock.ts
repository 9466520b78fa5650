import { nextOrderAt, recentOrders } from './order-rate.ts';
import type { Now } from './ports.ts';

/** Counts the orders of all hosts, so that together they stay within the rate. */
export class OrderClock {
  readonly #now: Now;
  #begun: readonly number[] = [];

  constructor(now: Now) {
    this.#now = now;
  }

  /** When another order may begin; counts one when that is now. */
  claim(): number {
    const now = this.#now();
    const at = nextOrderAt(this.#begun, now);
    if (at <= now) this.#begun = [...recentOrders(this.#begun, now), now];
    return at;
  }
}
