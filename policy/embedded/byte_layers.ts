import {
  concat,
  div,
  mul,
  quantizedMatmul,
  reduceSum,
  rowSteps,
  scale,
  sqrt,
  sub,
  toBytes,
} from "../../autodiff/operators/index.ts";
import { input, type Tensor } from "../../autodiff/tensor.ts";
import { addLowRank, type LowRank, type Weights } from "../models/layers.ts";
import type { VisionLanguageModel } from "../models/vision_language_model.ts";
import { columns, decodeGraph, type Outputs } from "./graphs.ts";

/**
 * Linear layers that read the same rows, of which graphs in eight bits make one product: a layer by itself, queries with keys
 * and values, or what gates with what is gated.
 */
export interface ByteLayer {
  /** The layers' names, joined. */
  readonly name: string;
  readonly layers: readonly string[];
  /** Numbers that a row has, and that it becomes in each of the layers. */
  readonly inputs: number;
  readonly outputs: readonly number[];
}

/** A layer's matrix in bytes [in, out], and the steps in which its columns count [out]. */
export interface ByteMatrix {
  readonly bytes: Tensor;
  readonly steps: Tensor;
}

const nameOf = (layers: readonly string[]): string => layers.join("+");
const partsOf = (name: string): string[] => name.split("+");

/** The linear layers that decoding goes through, in its order, found in its graph. */
export function byteLayers(model: VisionLanguageModel): ByteLayer[] {
  const shapes = new Map(model.parameters.map(({ name, shape }) => [name, shape]));
  const parameter = (name: string): Tensor => input(name, shapes.get(name) as readonly number[]);
  const found: ByteLayer[] = [];
  const products: Weights["products"] = (layers, x) => {
    const outputs = layers.map((layer) => shapes.get(`${layer}.weight`)?.[0] as number);
    const [rows, inputs] = x.shape as [number, number];
    found.push({ name: nameOf(layers), layers, inputs, outputs });
    return zeros(rows, outputs);
  };
  const shape = { slots: 1, group: 1, promptLength: 1, pastLength: 1 };
  decodeGraph(model, Object.assign(parameter, { adapter: () => undefined, products }), shape);
  return found;
}

function zeros(rows: number, widths: readonly number[]): Tensor[] {
  return widths.map((width) => input("product", [rows, width]));
}

/** Gives a layer's matrix in `bytes` and `steps`, as many of which as are asked for reach a column's greatest magnitude. */
export function roundingGraph(
  { inputs, outputs }: Pick<ByteLayer, "inputs" | "outputs">,
  steps: number,
): Outputs {
  const weights = outputs.map((width, i) => input(`weight_${i}`, [width, inputs]));
  const joined = concat(weights, { axis: 0 });
  const size = rowSteps(joined, { steps });
  return { bytes: toBytes(joined, size), steps: size };
}

/**
 * The same parameters, whose products with the layers that have a matrix of bytes are made with that; what has one for several
 * layers also has one adapter for them, by `joined`.
 */
export function withBytes(
  w: Weights,
  matrices: ReadonlyMap<string, ByteMatrix>,
  joined: ReadonlyMap<string, LowRank>,
): Weights {
  const products: Weights["products"] = (layers, x, alpha = 1) => {
    const name = nameOf(layers);
    const [matrix, adapter] = [matrices.get(name), joined.get(name)];
    if (matrix === undefined) return w.products(layers, x, alpha);
    const product = scale(byteProduct(x, matrix), alpha);
    return columns(adapter ? addLowRank(product, adapter, x) : product, widths(w, layers));
  };
  const adapted = new Set([...joined.keys()].filter((name) => matrices.has(name)).flatMap(partsOf));
  const adapter: Weights["adapter"] = (layer) => (adapted.has(layer) ? undefined : w.adapter(layer));
  return Object.assign((name: string) => w(name), { adapter, products });
}

/**
 * The same parameters, with which is noted how far each layer's product with bytes is from its own: `errors` gets, by its
 * name, the norm of the difference over that of the product, [1].
 */
export function comparing(
  w: Weights,
  matrices: ReadonlyMap<string, ByteMatrix>,
  errors: Map<string, Tensor>,
): Weights {
  const products: Weights["products"] = (layers, x, alpha = 1) => {
    const own = w.products(layers, x, alpha);
    const matrix = matrices.get(nameOf(layers));
    if (matrix) {
      const exact = concat(w.products(layers, x), { axis: 1 });
      errors.set(nameOf(layers), sqrt(div(power(sub(byteProduct(x, matrix), exact)), power(exact))));
    }
    return own;
  };
  return Object.assign((name: string) => w(name), { adapter: w.adapter, products });
}

function byteProduct(x: Tensor, { bytes, steps }: ByteMatrix): Tensor {
  return quantizedMatmul(x, bytes, steps);
}

function power(x: Tensor): Tensor {
  return reduceSum(mul(x, x), { axes: [0, 1], keepDims: false });
}

function widths(w: Weights, layers: readonly string[]): number[] {
  return layers.map((layer) => w(`${layer}.weight`).shape[0] as number);
}
