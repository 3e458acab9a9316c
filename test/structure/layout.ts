/** A graph without circles in layers: whatever is imported lies below what imports it. */

export type Graph = ReadonlyMap<string, Iterable<string>>;

export interface Layout {
  /** Where each node's middle lies. */
  readonly nodes: ReadonlyMap<string, Point>;
  /** The places that each edge leads through, from its node above to its node below. */
  readonly edges: readonly (readonly Point[])[];
  readonly width: number;
  /** Layers, counted from the lowest, 0. */
  readonly layers: number;
}

export interface Point {
  readonly x: number;
  /** 0 for what imports nothing. */
  readonly layer: number;
}

/** A node, or the place where an edge passes a layer. */
interface Slot {
  readonly layer: number;
  readonly width: number;
  readonly above: Slot[];
  readonly below: Slot[];
  x: number;
}

const gap = 18;
const sweeps = 60;

/** `widthOf` says how wide a node is; the order of the nodes is where the search for few crossings begins. */
export function layout(graph: Graph, widthOf: (node: string) => number): Layout {
  const ranks = longestPaths(graph);
  const slots = new Map(
    [...graph.keys()].map((node) => [node, newSlot(ranks.get(node) as number, widthOf(node))]),
  );
  const chains = [...graph].flatMap(([node, targets]) =>
    [...targets].map((target) => chain(slots.get(node) as Slot, slots.get(target) as Slot)),
  );
  const layers: Slot[][] = Array.from({ length: 1 + Math.max(...ranks.values()) }, () => []);
  for (const slot of new Set([...slots.values(), ...chains.flat()])) layers[slot.layer]?.push(slot);
  arrange(layers);
  const all = layers.flat();
  const left = Math.min(...all.map(({ x, width }) => x - width / 2));
  const right = Math.max(...all.map(({ x, width }) => x + width / 2));
  const point = ({ x, layer }: Slot): Point => ({ x: Math.round(x - left), layer });
  return {
    nodes: new Map([...slots].map(([node, slot]) => [node, point(slot)])),
    edges: chains.map((slots) => slots.map(point)),
    width: Math.ceil(right - left),
    layers: layers.length,
  };
}

/** The graph without edges that follow from others: a → c where there are a → b and b → … → c. */
export function reduced(graph: Graph): Map<string, string[]> {
  const reach = new Map<string, Set<string>>();
  const reachable = (node: string): Set<string> => {
    const known = reach.get(node);
    if (known) return known;
    const found = new Set([...(graph.get(node) ?? [])].flatMap((next) => [next, ...reachable(next)]));
    reach.set(node, found);
    return found;
  };
  return new Map(
    [...graph].map(([node, targets]) => {
      const direct = [...targets];
      return [node, direct.filter((c) => !direct.some((b) => b !== c && reachable(b).has(c)))];
    }),
  );
}

/** The length of the longest way down from each node. */
function longestPaths(graph: Graph): Map<string, number> {
  const ranks = new Map<string, number>();
  const rank = (node: string): number => {
    const known = ranks.get(node);
    if (known !== undefined) return known;
    const found = Math.max(0, ...[...(graph.get(node) ?? [])].map((next) => 1 + rank(next)));
    ranks.set(node, found);
    return found;
  };
  for (const node of graph.keys()) rank(node);
  return ranks;
}

function newSlot(layer: number, width: number): Slot {
  return { layer, width, above: [], below: [], x: 0 };
}

/** An edge's slots: its ends, and a narrow one in each layer between them. */
function chain(from: Slot, to: Slot): Slot[] {
  const slots = [from];
  for (let layer = from.layer - 1; layer > to.layer; layer--) slots.push(newSlot(layer, 0));
  slots.push(to);
  for (const [i, lower] of slots.slice(1).entries()) {
    const upper = slots[i] as Slot;
    upper.below.push(lower);
    lower.above.push(upper);
  }
  return slots;
}

/** Sweeps down and up: each layer is put in the order of, and then as near as can be to, the middle of its neighbours. */
function arrange(layers: readonly Slot[][]): void {
  const packed = (layer: readonly Slot[]) =>
    place(
      layer,
      layer.map(() => 0),
    );
  for (const layer of layers) packed(layer);
  let best = { crossings: Number.POSITIVE_INFINITY, order: layers.map((layer) => [...layer]) };
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers.toReversed() : layers) {
      const middles = new Map(layer.map((slot) => [slot, middle(slot, down ? slot.above : slot.below)]));
      layer.sort((a, b) => (middles.get(a) as number) - (middles.get(b) as number));
      packed(layer);
    }
    const crossings = countCrossings(layers);
    if (crossings < best.crossings) best = { crossings, order: layers.map((layer) => [...layer]) };
  }
  for (const layer of best.order) packed(layer);
  for (let sweep = 0; sweep < sweeps; sweep++)
    for (const layer of sweep % 2 === 0 ? best.order.toReversed() : best.order)
      place(
        layer,
        layer.map((slot) => middle(slot, [...slot.above, ...slot.below])),
      );
}

function middle(slot: Slot, neighbours: readonly Slot[]): number {
  return neighbours.length === 0 ? slot.x : neighbours.reduce((sum, { x }) => sum + x, 0) / neighbours.length;
}

function countCrossings(layers: readonly Slot[][]): number {
  let crossings = 0;
  for (const layer of layers) {
    const lines = layer.flatMap((slot) => slot.below.map((lower) => [slot.x, lower.x] as const));
    for (const [i, [a, b]] of lines.entries())
      for (const [c, d] of lines.slice(i + 1)) if ((a - c) * (b - d) < 0) crossings++;
  }
  return crossings;
}

/** Puts a layer's slots, in their order, as near to where they want to be as their widths allow (least squares). */
function place(layer: readonly Slot[], wanted: readonly number[]): void {
  let offset = 0;
  const offsets = layer.map((slot, i) => {
    const before = layer[i - 1];
    if (before) offset += (before.width + slot.width) / 2 + gap;
    return offset;
  });
  // Isotonic regression: neighbours that would overlap are pooled, and take the mean of what they want.
  const pools: { sum: number; count: number }[] = [];
  for (const [i, x] of wanted.entries()) {
    let pool = { sum: x - (offsets[i] as number), count: 1 };
    for (
      let last = pools.at(-1);
      last && last.sum / last.count > pool.sum / pool.count;
      last = pools.at(-1)
    ) {
      pools.pop();
      pool = { sum: last.sum + pool.sum, count: last.count + pool.count };
    }
    pools.push(pool);
  }
  const means = pools.flatMap(({ sum, count }) => new Array<number>(count).fill(sum / count));
  for (const [i, slot] of layer.entries()) slot.x = (means[i] as number) + (offsets[i] as number);
}
