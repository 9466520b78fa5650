import type { Claim, DesiredService, Instance, Plannable } from './model.ts';
import { isUp } from './seen.ts';
import type { Surroundings } from './waiting.ts';

/** Instances of a service that still have what another one claims, and give it up. */
export interface Holder {
  readonly service: string;
  readonly what: string;
  readonly instances: readonly Instance[];
}

/** Who still has what a service claims though nobody wants that any more: it must not start beside them. */
export const holdersOf = <S extends Plannable>(
  service: DesiredService<S>,
  around: Pick<Surroundings<S>, 'everyone' | 'unsettled' | 'seen'>,
): readonly Holder[] =>
  (service.claims ?? []).flatMap((claim) => {
    const others = around.seen.holding(claim.what).filter((i) => i.service !== service.spec.name);
    const names = [...new Set(others.map((i) => i.service))].toSorted();
    return names.flatMap((name) => {
      const other = around.everyone.get(name);
      if (isKept(other, claim) || (claim.isGuarded && isSwap(service, other, around))) return [];
      // One that is stopped may come back while its service is being changed: a way back needs what it had.
      const instances = others.filter((i) => i.service === name && (isUp(i) || around.unsettled.has(name)));
      return instances.length === 0 ? [] : [{ service: name, what: claim.what, instances }];
    });
  });

const isKept = <S extends Plannable>(other: DesiredService<S> | undefined, { what }: Claim): boolean =>
  other !== undefined && !other.isPaused && claims(other, what);

/** The other one waits for something of this service: if both waited, neither would ever begin. */
const isSwap = <S extends Plannable>(
  service: DesiredService<S>,
  other: DesiredService<S> | undefined,
  { seen }: Pick<Surroundings<S>, 'seen'>,
): boolean =>
  other?.claims?.some(
    ({ what }) => !claims(service, what) && seen.holding(what).some((i) => i.service === service.spec.name),
  ) === true;

const claims = <S extends Plannable>(service: DesiredService<S>, what: string): boolean =>
  service.claims?.some((claim) => claim.what === what) === true;
