import type { Observer } from './events.ts';
import type { Ledger } from './ledger.ts';

export interface DrainOptions {
  /** Requests still in flight after so long are cut. */
  readonly timeoutMs: number;
  /** Gives up waiting: the drain rejects with its reason, and nothing is cut. */
  readonly signal: AbortSignal;
}

/** Waits until a target is unused: upgraded connections get their own grace, then the deadline cuts the rest. */
export const drainTarget = async (
  ledger: Ledger,
  targetId: string,
  options: DrainOptions & { readonly upgradeGraceMs: number; readonly observe: Observer },
): Promise<void> => {
  const { timeoutMs, signal, upgradeGraceMs, observe } = options;
  const grace = setTimeout(() => ledger.cut(targetId, 'tunnels'), Math.min(upgradeGraceMs, timeoutMs));
  const deadline = setTimeout(() => {
    const requests = ledger.cut(targetId, 'all');
    if (requests > 0) observe({ kind: 'drain-cut', targetId, requests });
  }, timeoutMs);
  try {
    await ledger.idle(targetId, signal);
  } finally {
    clearTimeout(grace);
    clearTimeout(deadline);
  }
};
