import { compare } from './faults.ts';

/**
 * Every cycle of a dependency graph once, written from its smallest name: `a -> b -> a`. `edges` may name nodes that
 * do not exist; they lead nowhere.
 */
export function findCycles(edges: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const done = new Set<string>();
  const cycles = new Map<string, readonly string[]>();
  for (const start of [...edges.keys()].toSorted(compare)) walk(start, { edges, done, cycles, trail: [] });
  return [...cycles.values()];
}

interface Walk {
  readonly edges: ReadonlyMap<string, readonly string[]>;
  readonly done: Set<string>;
  readonly cycles: Map<string, readonly string[]>;
  readonly trail: string[];
}

// Depth first. A node on the trail closes a cycle; a finished node cannot be part of another one through this edge.
function walk(node: string, state: Walk): void {
  const from = state.trail.indexOf(node);
  if (from !== -1) {
    const cycle = fromSmallest(state.trail.slice(from));
    state.cycles.set(cycle.join(' '), cycle);
    return;
  }
  if (state.done.has(node)) return;
  state.trail.push(node);
  for (const next of (state.edges.get(node) ?? []).toSorted(compare)) walk(next, state);
  state.trail.pop();
  state.done.add(node);
}

function fromSmallest(cycle: readonly string[]): readonly string[] {
  const smallest = cycle.indexOf(cycle.toSorted(compare)[0] ?? '');
  const turned = [...cycle.slice(smallest), ...cycle.slice(0, smallest)];
  return [...turned, ...turned.slice(0, 1)];
}
