import type { DesiredService } from '@orca/reconcile';
import type { ServiceSpec } from '@orca/spec';

type Service = DesiredService<ServiceSpec>;

/** Services that the plan takes away altogether. */
export const removals = (
  steps: readonly { readonly action: { readonly service: string } }[],
  desired: readonly Service[],
): readonly string[] => {
  const kept = new Set(desired.map((d) => d.spec.name as string));
  return [...new Set(steps.map((s) => s.action.service))].filter((name) => !kept.has(name));
};

/** Why a request cannot be meant: names that no service has. */
export const unknownNames = (asked: readonly string[] | 'all', services: readonly Service[]): string | undefined => {
  if (asked === 'all') return undefined;
  const known = services.map((d) => d.spec.name as string);
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length === 0) return undefined;
  return `no such service: ${unknown.join(', ')} (there are: ${known.join(', ') || 'none'})`;
};
