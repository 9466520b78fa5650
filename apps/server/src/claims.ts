import type { DesiredService } from '@orca/reconcile';
import { claimsOf, type ServiceSpec } from '@orca/spec';

type Services = readonly Pick<DesiredService<ServiceSpec>, 'spec'>[];

/**
 * A host and path that a service about to be deployed asks for while another one, which stays as
 * it was last deployed, has it: the files agree with each other, but only a part of them is
 * deployed. In words; `undefined` when there is none.
 */
export const rivalClaim = (wanted: Services, staying: Services): string | undefined => {
  const taken = new Map(staying.flatMap(({ spec }) => claimsOf(spec.route).map((claim) => [claim, spec] as const)));
  for (const { spec } of wanted) {
    for (const claim of claimsOf(spec.route)) {
      const owner = taken.get(claim);
      if (owner === undefined || owner.name === spec.name) continue;
      return `${claim} is asked for by ${place(spec)}, and ${place(owner)} has it as it was last deployed; deploy both together: orca deploy`;
    }
  }
  return undefined;
};

const place = ({ name, source }: ServiceSpec): string => `${name} (${source.file}:${source.line}:1)`;
