import type { RouteSpec } from './model.ts';
import { canonicalJson } from './revision.ts';

/** Each host with each path prefix that a service asks for: no two services may ask for the same. */
export const claimsOf = (route: RouteSpec | undefined): readonly string[] =>
  route === undefined ? [] : route.domains.flatMap((domain) => route.paths.map((path) => `${domain}${path}`));

/** Whether two routes ask for the same in every field; one read back from JSON has them in another order, or absent. */
export const isSameRoute = (a: RouteSpec | undefined, b: RouteSpec | undefined): boolean =>
  canonicalJson(a) === canonicalJson(b);
