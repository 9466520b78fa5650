/** A node of a graph in layers: each depends on two of the layer below. */
export interface Node {
  readonly name: string;
  readonly dependsOn: readonly string[];
}

const perLayer = 10;

export const layeredGraph = (size: number): readonly Node[] =>
  Array.from({ length: size }, (_, index) => {
    const [layer, place] = [Math.floor(index / perLayer), index % perLayer];
    const below = layer === 0 ? [] : [place, (place + 1) % perLayer].map((p) => nameOf(layer - 1, p));
    return { name: nameOf(layer, place), dependsOn: below };
  });

const nameOf = (layer: number, place: number): string => `f22-${layer}-${place}`;

/** All that needs a node, directly or through others. */
export const dependantsOf = (graph: readonly Node[], name: string): ReadonlySet<string> => {
  const found = new Set<string>();
  // A node stands after all it depends on, so one pass finds them all.
  for (const node of graph) if (node.dependsOn.some((d) => d === name || found.has(d))) found.add(node.name);
  return found;
};
