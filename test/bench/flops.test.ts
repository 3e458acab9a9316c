import { expect, test } from "vitest";
import { type Tensor, topological } from "../../autodiff/tensor.ts";
import { sizeOf } from "../../autodiff/tensor_type.ts";
import { updateFlops } from "../../bench/flops.ts";
import { grpo } from "../../bench/update_work.ts";
import { updateGraph } from "../../policy/embedded/update_graph.ts";
import { readIdefics3Config } from "../../policy/models/idefics3_config.ts";
import { SmolVlm } from "../../policy/models/smolvlm.ts";
import { parameterTensors } from "../../policy/weights/parameter_tensors.ts";
import { referencePath } from "../reference_dir.ts";

/** Two prompts of 5 tokens, one image of one tile each, 3 completions of 4 tokens, the last of which is only predicted. */
const image = { tiles: 1, patches: 16, rows: 4, windows: 0 };
const shape = {
  prefixes: 2,
  prefixLength: 5,
  branches: 3,
  branchLength: 3,
  image,
  imagesPerPrefix: 1,
  images: 2,
  predicted: null,
};

const config = {
  text: {
    hiddenSize: 8,
    intermediateSize: 12,
    layers: 2,
    heads: 2,
    kvHeads: 1,
    headDim: 4,
    vocabSize: 10,
    rmsNormEps: 1e-5,
    ropeTheta: 1e4,
    maxPositions: 64,
    tieEmbeddings: true,
  },
  vision: {
    hiddenSize: 6,
    intermediateSize: 7,
    layers: 1,
    heads: 2,
    imageSize: 8,
    patchSize: 2,
    layerNormEps: 1e-6,
  },
  scaleFactor: 2,
};

test("the operations of a small update, counted by hand", () => {
  const tokens = 2 * 5 + 2 * 3 * 3; // 28
  const linear = tokens * (8 * 8 + 8 * 4 + 8 * 4 + 8 * 8 + 3 * 8 * 12); // q, k, v, o, and the three of SwiGLU
  const pairs = 2 * (5 * 5) + 2 * 3 * (3 * 5) + 2 * 3 * (3 * 3); // prefixes, branches on prefixes, branches
  const attention = 2 * pairs * 2 * 4; // scores and mixtures, 2 heads of 4
  const head = 2 * 3 * 4 * 8 * 10; // every token of a completion
  const patches = 2 * 16;
  const vision = patches * (4 * 6 * 6 + 2 * 6 * 7) + 2 * (2 * 16 * 16) * 6;
  const connector = (patches / 4) * (6 * 4) * 8;
  const trained = 2 * (linear + attention) + head + vision + connector;
  const firstLayer = patches * (3 * 2 * 2) * 6; // images have no gradient
  expect(updateFlops(config, shape)).toBe(2 * (3 * trained + 2 * firstLayer));
});

test("they are the matrix products of the real graph", async () => {
  const model = new SmolVlm(await readIdefics3Config(referencePath("smolvlm-tiny")));
  const { loss, clipLow, clipHigh, beta, importanceCap, temperature } = grpo;
  const options = { loss, clipLow, clipHigh, beta, importanceCap, temperature };
  const objective = { kind: "grpo", ...options, tokenAdvantages: false } as const;
  const exact = { ...shape, prefixLength: 30, image: model.bucket({ tiles: 1, height: 0, width: 0 }) };
  const names = model.parameters.map(({ name }) => name);
  const graph = topological(
    Object.values(updateGraph(model, parameterTensors(model.parameters), exact, objective, names)),
  );
  const counted = graph.reduce((sum, tensor) => sum + matrixFlops(tensor), 0);
  expect(counted).toBe(updateFlops(model.config, exact));
});

/** The operations of a product of two matrices; 0 for products with a vector and for the selecting of images. */
function matrixFlops({ shape, source }: Tensor): number {
  if (source.kind !== "apply" || source.operator.name !== "MatMul") return 0;
  const [a] = source.inputs as [Tensor, Tensor];
  const { transA } = source.attributes as { transA?: boolean };
  const inner = a.shape.at(transA ? -2 : -1) as number;
  const isVector = inner === 1 || shape.slice(-2).includes(1);
  return isVector || source.inputs.some(selects) ? 0 : 2 * sizeOf(shape) * inner;
}

/** Whether a factor picks rows, or puts them back. */
function selects({ source }: Tensor): boolean {
  if (source.kind === "apply" && source.operator.name === "Transpose")
    return selects(source.inputs[0] as Tensor);
  return source.kind === "input" && source.name === "select";
}
