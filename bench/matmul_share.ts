import { join } from "node:path";
import { planMicroBatches } from "../policy/embedded/micro_batch.ts";
import { readIdefics3Config } from "../policy/models/idefics3_config.ts";
import type { Figures } from "./figures.ts";
import { updateFlops } from "./flops.ts";
import { interleave, median, medianRatio } from "./measure.ts";
import { embeddedModel, type Resizing, writeResizedModel } from "./models.ts";
import { productChain } from "./product_chain.ts";
import { microBatchTokens, openLocal } from "./prompts.ts";
import { runUpdate, sharedWork, updateTask } from "./update_work.ts";

/** The embedded model with its text model half as wide again: 192 hidden, 6 heads of 32. */
const hidden = 192;
const inner = 2 * hidden;
const sizes: Resizing = {
  text_config: {
    hidden_size: hidden,
    intermediate_size: inner,
    num_attention_heads: 6,
    num_key_value_heads: 6,
    head_dim: 32,
  },
};

/**
 * How much of the machine an update uses: operations per second of its matrix products, all its other work
 * included in the time, over those of bare MatMul nodes with the sizes of its linear layers and as many rows as it
 * has tokens. Products of 1024 x 1024 beside them say what the machine reaches at best.
 */
export async function benchMatmulShare(threads: number, rounds: number, scratch: string): Promise<Figures> {
  const folder = join(scratch, `hidden-${hidden}`);
  await writeResizedModel(await embeddedModel(scratch), sizes, folder);
  await using policy = await openLocal(folder, threads);
  const work = sharedWork(await updateTask(policy));
  const [batch, ...more] = planMicroBatches(policy.model, work.jobs, microBatchTokens);
  if (!batch || more.length > 0) throw new RangeError("the update is to be one graph");
  const { shape } = batch;
  const tokens = shape.prefixes * (shape.prefixLength + shape.branches * shape.branchLength);

  await using layers = await productChain(tokens, [hidden, hidden, inner, hidden], 8, threads);
  await using square = await productChain(1024, [1024, 1024], 4, threads);
  const flops = {
    update: updateFlops(await readIdefics3Config(folder), { ...shape, images: shape.prefixes }),
    layers: layers.flops,
    square: square.flops,
  };
  const seconds = await interleave(
    { update: () => runUpdate(policy, work), layers: layers.run, square: square.run },
    rounds,
  );
  const rate = (name: keyof typeof flops) => {
    return { value: flops[name] / median(seconds[name]) / 1e9, unit: "GFLOP/s" };
  };
  const fraction = medianRatio(seconds.layers, seconds.update) * (flops.update / flops.layers);
  return {
    update_fraction_of_matmul: { value: fraction, unit: "of MatMul's rate" },
    update_gflops: rate("update"),
    matmul_gflops: rate("layers"),
    matmul_1024_gflops: rate("square"),
  };
}
