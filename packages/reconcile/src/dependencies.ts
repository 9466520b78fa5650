/**
 * Every cycle once, each as the path a reader follows: `['a', 'b', 'a']`.
 * Names that nobody desires are left out; `missingDependencies` tells of those.
 */
export const findCycles = (graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] => {
  const cycles: string[][] = [];
  const done = new Set<string>();
  /** Where a name stands on the path being walked. */
  const places = new Map<string, number>();
  const visit = (name: string): void => {
    const at = places.get(name);
    if (at !== undefined) {
      cycles.push([...[...places.keys()].slice(at), name]);
      return;
    }
    if (done.has(name)) return;
    places.set(name, places.size);
    for (const next of sorted(graph.get(name) ?? [])) if (graph.has(next)) visit(next);
    places.delete(name);
    done.add(name);
  };
  for (const name of [...graph.keys()].sort()) visit(name);
  return cycles;
};

/** Why services can never start as written: part of a cycle, or dependent on a name that is not there. */
export const refusals = (graph: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly string[]> => {
  const reasons = new Map<string, string[]>();
  const add = (name: string, reason: string): void => {
    reasons.set(name, [...(reasons.get(name) ?? []), reason]);
  };
  for (const cycle of findCycles(graph)) {
    for (const name of cycle.slice(0, -1)) add(name, `depends_on goes in a circle: ${cycle.join(' -> ')}`);
  }
  for (const [service, dependsOn] of graph) {
    for (const name of dependsOn) if (!graph.has(name)) add(service, `depends on ${name}, which does not exist`);
  }
  return reasons;
};

/** Names sorted so that each comes after all it depends on; cycles must have been refused before. */
export const inDependencyOrder = (graph: ReadonlyMap<string, readonly string[]>): readonly string[] => {
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const next of sorted(graph.get(name) ?? [])) if (graph.has(next)) visit(next);
    order.push(name);
  };
  for (const name of [...graph.keys()].sort()) visit(name);
  return order;
};

/** Names in order; the few names of most services are in order as they are. */
export const sorted = (names: readonly string[]): readonly string[] => (names.length < 2 ? names : names.toSorted());
