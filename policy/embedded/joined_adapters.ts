import { input } from "../../autodiff/tensor.ts";
import { zip } from "../../common/zip.ts";
import type { LowRank, Weights } from "../models/layers.ts";
import type { ByteLayer } from "./byte_layers.ts";

/** The adapter of several layers as one: A of all below each other, and B of each beside zeros. */
export interface JoinedAdapter {
  readonly layer: ByteLayer;
  readonly adapter: LowRank;
}

/** Of layers whose products are made together, those that all have adapters. */
export function joinedAdapters(w: Weights, layers: readonly ByteLayer[]): JoinedAdapter[] {
  return layers.flatMap((layer): JoinedAdapter[] => {
    const parts = layer.layers.flatMap((name) => w.adapter(name) ?? []);
    const [first] = parts;
    if (first === undefined || layer.layers.length === 1 || parts.length < layer.layers.length) return [];
    const rank = parts.reduce((sum, { a }) => sum + (a.shape[0] as number), 0);
    const width = layer.outputs.reduce((sum, each) => sum + each, 0);
    const { a, b } = namesOf(layer);
    const adapter = { a: input(a, [rank, layer.inputs]), b: input(b, [width, rank]), scale: first.scale };
    return [{ layer, adapter }];
  });
}

/** What graphs are fed of them: `views` holds the adapters' own numbers. */
export function joinedFeeds(
  w: Weights,
  joined: readonly JoinedAdapter[],
  views: Readonly<Record<string, Float32Array>>,
): Record<string, Float32Array> {
  return Object.fromEntries(
    joined.flatMap(({ layer, adapter }) => {
      const parts = layer.layers.map((name) => w.adapter(name) as LowRank);
      const numbers = ({ source }: LowRank["a"]): Float32Array =>
        views[source.kind === "input" ? source.name : ""] as Float32Array;
      const [rank] = adapter.a.shape as [number, number];
      const a = new Float32Array(rank * layer.inputs);
      const b = new Float32Array((adapter.b.shape[0] as number) * rank);
      let [row, column] = [0, 0];
      for (const [part, width] of zip(parts, layer.outputs)) {
        const own = part.a.shape[0] as number;
        const factors = numbers(part.b);
        a.set(numbers(part.a), column * layer.inputs);
        for (let i = 0; i < width; i++)
          b.set(factors.subarray(i * own, (i + 1) * own), (row + i) * rank + column);
        row += width;
        column += own;
      }
      const names = namesOf(layer);
      return [
        [names.a, a],
        [names.b, b],
      ];
    }),
  );
}

function namesOf({ name }: ByteLayer): { readonly a: string; readonly b: string } {
  return { a: `A of ${name}`, b: `B of ${name}` };
}
