import { Session } from "../autodiff/onnx/session.ts";
import { concat, slice } from "../autodiff/operators/index.ts";
import { input } from "../autodiff/tensor.ts";
import { RandomStream } from "../common/random.ts";
import { withBytes } from "../policy/embedded/byte_layers.ts";
import { exactByteSteps } from "../policy/embedded/byte_steps.ts";
import { ByteWeights } from "../policy/embedded/byte_weights.ts";
import type { LocalPolicy } from "../policy/embedded/local_policy.ts";
import type { Precision } from "../policy/options.ts";
import type { Prompt } from "../policy/port.ts";
import type { Figures } from "./figures.ts";
import { interleave, median, type Work } from "./measure.ts";

/** Sequences that decode side by side, as so many groups. */
const cases = [
  { rows: 1, prompts: 1, group: 1 },
  { rows: 8, prompts: 1, group: 8 },
  { rows: 16, prompts: 2, group: 8 },
  { rows: 32, prompts: 4, group: 8 },
] as const;

/** Of each completion; the first token is the prompt's work. */
const decoded = 33;

/**
 * Milliseconds per token of different numbers of sequences in float32 and in eight bits, in turn; beside them the products of
 * all linear layers with as many rows and nothing else, which no way of decoding can go below, and their share of a token.
 */
export async function benchPrecisions(
  policies: Readonly<Record<Precision, LocalPolicy>>,
  prompts: readonly Prompt[],
  threads: number,
  rounds: number,
): Promise<Figures> {
  const precisions = ["float32", "int8"] as const;
  const figures: Record<string, { value: number; unit: string }> = {};
  for (const { rows, prompts: count, group } of cases) {
    const works: Record<string, Work> = {};
    const sessions: AsyncDisposable[] = [];
    for (const precision of precisions) {
      const options = { groupSize: group, temperature: 1, topK: 0, topP: 1, ignoreEos: true, seed: 0 };
      const sample = (maxTokens: number) => () =>
        policies[precision].sample(prompts.slice(0, count), { ...options, maxTokens });
      const products = await layerProducts(policies[precision], precision, rows, threads);
      sessions.push(products);
      Object.assign(works, {
        [`${precision} first`]: sample(1),
        [`${precision} all`]: sample(decoded),
        [`${precision} products`]: products.run,
      });
    }
    const seconds = await interleave(works, rounds);
    for (const session of sessions) await session[Symbol.asyncDispose]();
    for (const precision of precisions) {
      const of = (what: string): number => 1000 * median(seconds[`${precision} ${what}`] ?? []);
      const token = (of("all") - of("first")) / (decoded - 1);
      const floor = of("products");
      const name = `${precision}_${rows}_rows`;
      figures[`decode_ms_per_token_${name}`] = { value: token, unit: "ms" };
      figures[`decode_floor_ms_${name}`] = { value: floor, unit: "ms" };
      figures[`decode_share_of_products_${name}`] = { value: floor / token, unit: "of a token" };
    }
  }
  return figures;
}

/** The products of all linear layers that decoding goes through, with `rows` rows each. */
async function layerProducts(
  policy: LocalPolicy,
  precision: Precision,
  rows: number,
  threads: number,
): Promise<AsyncDisposable & { readonly run: Work }> {
  const bytes = await ByteWeights.open(policy, await exactByteSteps());
  const matrices = precision === "int8" ? bytes.matrices : new Map();
  const w = withBytes(policy.tensors, matrices, new Map());
  const stream = new RandomStream(0);
  const feeds: Record<string, Float32Array> = {};
  const products = bytes.layers.flatMap(({ name, layers, inputs }) => {
    feeds[name] = Float32Array.from({ length: rows * inputs }, () => stream.normal());
    return w.products(layers, input(name, [rows, inputs]));
  });
  // One column of each, so that what is computed is not copied.
  const columns = products.map((product) => slice(product, { axis: 1, start: 0, end: 1 }));
  const session = await Session.compile({ y: concat(columns, { axis: 1 }) }, { threads, prepacks: true });
  return { run: () => session.run(feeds), [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() };
}
