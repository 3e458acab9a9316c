import type { MatmulAttributes } from "../autodiff/operators/index.ts";
import { type Tensor, topological } from "../autodiff/tensor.ts";
import { sizeOf } from "../autodiff/tensor_type.ts";
import type { BatchShape } from "../policy/embedded/graphs.ts";
import { tokensIn } from "../policy/models/attention.ts";
import type { Idefics3Config } from "../policy/models/idefics3_config.ts";

/** A product of [rows, inner] and [inner, columns] takes one multiplication and one addition per element and term. */
const product = (rows: number, inner: number, columns: number): number => 2 * rows * inner * columns;

/** Forward, and the gradients of both factors, each of which is a product with as many operations. */
const withGradients = 3;
/** Forward, and the gradient of the weights alone: no gradient flows into an image. */
const withWeightGradient = 2;

/**
 * Floating-point operations of the matrix products in one update graph, forward and backward, all parameters
 * trained: linear layers, attention scores and mixtures (whole squares, as they are computed, although half of a
 * causal one is masked), and the output head at the completions' tokens. Nothing else is counted: no element-wise
 * work, no norms, no embedding look-up, no selecting of rows. Shapes are taken as exact, so padding would count as work.
 */
export function updateFlops(
  config: Pick<Idefics3Config, "text" | "vision" | "scaleFactor">,
  shape: BatchShape & { readonly images: number },
): number {
  const { text, vision, scaleFactor } = config;
  const { prefixes: P, prefixLength: T, branches: G, branchLength: S } = shape;
  const { hiddenSize: D, intermediateSize: F, heads: H, kvHeads, headDim: d } = text;

  const weights = 2 * D * H * d + 2 * D * kvHeads * d + 3 * D * F;
  const attended = P * (T * T + G * S * (T + S)); // pairs of a query and a key, summed over sequences
  const layer = product(tokensIn(shape), weights, 1) + 2 * product(attended, H * d, 1);
  const head = product(P * G * (S + 1), D, text.vocabSize);

  const tiles = shape.images * shape.image.tiles;
  const patches = (vision.imageSize / vision.patchSize) ** 2;
  const { hiddenSize: E } = vision;
  const visionWeights = 4 * E * E + 2 * E * vision.intermediateSize;
  const visionLayer = product(tiles * patches, visionWeights, 1) + 2 * product(tiles * patches ** 2, E, 1);
  const embedding = product(tiles * patches, 3 * vision.patchSize ** 2, E);
  const connector = product((tiles * patches) / scaleFactor ** 2, E * scaleFactor ** 2, D);

  return (
    withGradients * (text.layers * layer + head + vision.layers * visionLayer + connector) +
    withWeightGradient * embedding
  );
}

/** Floating-point operations of all matrix products behind some outputs of a graph. */
export function productFlops(outputs: readonly Tensor[]): number {
  return topological(outputs).reduce((sum, tensor) => sum + flopsOf(tensor), 0);
}

function flopsOf({ shape, source }: Tensor): number {
  if (source.kind !== "apply" || !["MatMul", "Gemm"].includes(source.operator.name)) return 0;
  const { transA = false } = source.attributes as MatmulAttributes;
  const inner = source.inputs[0]?.shape.at(transA ? -2 : -1) as number;
  return product(sizeOf(shape), inner, 1);
}
