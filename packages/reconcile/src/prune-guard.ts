import type { Blocked } from './model.ts';

/** Up to this many services may go in one plan, whatever share of the whole they are. */
const alwaysAllowed = 3;
const allowedShare = 0.3;

/**
 * Refuses a plan that looks like an accident (an empty checkout, a wrong directory) rather
 * than a wish: removing everything, or more than three services and 30 % of what runs. The same guard
 * saved users of other tools from an empty manifest list (Argo CD #3484, #4464).
 */
export const pruneGuard = (o: {
  readonly removed: readonly string[];
  readonly observedCount: number;
  readonly desiredCount: number;
}): readonly Blocked[] => {
  const limit = Math.max(alwaysAllowed, Math.floor(o.observedCount * allowedShare));
  const isAll = o.desiredCount === 0 && o.removed.length > 0;
  if (!isAll && o.removed.length <= limit) return [];
  const what = isAll
    ? `this would remove all ${o.removed.length} services, because none is desired`
    : `this would remove ${o.removed.length} of ${o.observedCount} services; more than ${limit} at once needs a confirmation`;
  return o.removed.map((service) => ({ service, reasons: [what], waitsFor: [] }));
};
