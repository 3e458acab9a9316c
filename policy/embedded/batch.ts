import type { Feeds } from "../../autodiff/onnx/session.ts";
import { masked, tokensIn } from "../models/attention.ts";
import type { ImageShape, VisionLanguageModel } from "../models/vision_language_model.ts";
import { type BatchShape, paddedRows } from "./graphs.ts";

/** A prefix that holds one image, and what follows it, in token ids. */
export interface Branching {
  readonly prefix: Int32Array;
  readonly image: ImageShape;
  readonly branches: readonly Int32Array[];
}

/** The next size of which graphs are compiled: few sizes, little padding. */
export function bucket(length: number): number {
  const step = length <= 64 ? 8 : length <= 256 ? 32 : 128;
  return Math.max(8, Math.ceil(length / step) * step);
}

export function nextPowerOfTwo(n: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, n)));
}

/**
 * The feeds of a tree of tokens, padded on the right to `shape`. Prefixes beyond the given ones repeat the first, missing
 * branches are padding, and so are the image rows that an image has less than its bucket.
 */
export function treeFeeds(
  model: VisionLanguageModel,
  shape: BatchShape,
  groups: readonly Branching[],
): Feeds {
  const { prefixes, prefixLength, branches, branchLength, image } = shape;
  const { padTokenId, imageTokenId } = model.config;
  const total = tokensIn(shape);
  const tokens = new BigInt64Array(total).fill(BigInt(padTokenId));
  const positions = new BigInt64Array(model.positionAxes * total);
  const sources = BigInt64Array.from({ length: total }, (_, t) => BigInt(t));
  const bias = new Float32Array(prefixes * prefixLength).fill(masked);
  for (let p = 0; p < prefixes; p++) {
    const group = groups[p] ?? (groups[0] as Branching);
    const start = p * prefixLength;
    const { axes, next } = model.positions(group.prefix, [group.image]);
    let row = total + p * paddedRows(image);
    group.prefix.forEach((token, t) => {
      tokens[start + t] = BigInt(token);
      for (const [a, axis] of axes.entries()) positions[a * total + start + t] = BigInt(axis[t] as number);
      if (token === imageTokenId) sources[start + t] = BigInt(row++);
    });
    const [found, rows] = [row - total - p * paddedRows(image), model.rows(group.image)];
    if (found !== rows) throw new RangeError(`${found} image tokens for ${rows} image rows`);
    bias.fill(0, start, start + group.prefix.length);
    if (p >= groups.length) continue;
    group.branches.forEach((branch, b) => {
      const at = prefixes * prefixLength + (p * branches + b) * branchLength;
      branch.forEach((token, t) => {
        tokens[at + t] = BigInt(token);
        for (const a of axes.keys()) positions[a * total + at + t] = BigInt(next + t);
      });
    });
  }
  return { tokens, positions, sources, prefix_bias: bias };
}

/** For each prefix the row of the token matrix that holds its last token, [P]. */
export function prefixEnds(
  { prefixes, prefixLength }: BatchShape,
  groups: readonly Branching[],
): BigInt64Array {
  return BigInt64Array.from({ length: prefixes }, (_, p) => {
    const { prefix } = groups[p] ?? (groups[0] as Branching);
    return BigInt(p * prefixLength + prefix.length - 1);
  });
}

/** For each branch the row of the token matrix that holds its last token (its first where it is empty), [P · G]. */
export function branchEnds(shape: BatchShape, groups: readonly Branching[]): BigInt64Array {
  const { prefixes, prefixLength, branches, branchLength } = shape;
  return BigInt64Array.from({ length: prefixes * branches }, (_, i) => {
    const length = groups[Math.floor(i / branches)]?.branches[i % branches]?.length ?? 1;
    return BigInt(prefixes * prefixLength + i * branchLength + Math.max(1, length) - 1);
  });
}
