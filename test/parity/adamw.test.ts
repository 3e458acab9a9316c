import { expect, test } from "vitest";
import { AdamW, globalNorm } from "../../policy/embedded/optimizer.ts";
import { readReference, readReferenceTensors } from "../reference_dir.ts";
import { expectClose } from "./closeness.ts";

interface Config {
  readonly id: string;
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weight_decay: number;
  readonly max_norm: number | null;
}

const inputs = await readReferenceTensors("adamw/inputs.safetensors");
const wanted = await readReferenceTensors("adamw/expected.safetensors");
const [wSize, bSize] = [12, 5];

/** w and then b, as one vector. */
const flat = (tensors: typeof inputs, prefix: string): Float32Array => {
  const data = (name: string) => tensors.get(`${prefix}${name}`)?.data as Float32Array;
  return Float32Array.of(...data("w"), ...data("b"));
};

const ranges = {
  one: [[0, wSize + bSize]],
  "one per tensor": [
    [0, wSize],
    [wSize, wSize + bSize],
  ],
} as const;
const configs = readReference<Config[]>("adamw/configs.json");

test.each(
  configs.flatMap((config) =>
    Object.entries(ranges).map(([name, list]) => [config.id, name, config, list] as const),
  ),
)("AdamW %s in %s range as in PyTorch", async (id, _name, config, list) => {
  const options = {
    beta1: config.betas[0],
    beta2: config.betas[1],
    epsilon: config.eps,
    weightDecay: config.weight_decay,
    maxGradientNorm: config.max_norm,
  };
  await using optimizer = new AdamW(wSize + bSize, options, 1);
  const parameters = flat(inputs, "init.");
  const rated = list.map(([start, end]) => ({ start, end, learningRate: config.lr }));
  for (let step = 0; step < 5; step++) {
    const gradients = flat(inputs, `grad.${step}.`);
    const norm = globalNorm(gradients);
    expectClose(Float32Array.of(norm), wanted.get(`${id}.step${step}.grad_norm`)?.data as Float32Array, 2e-6);
    await optimizer.step(parameters, gradients, norm, rated);
    expect(gradients).toEqual(flat(inputs, `grad.${step}.`));
    expectClose(parameters, flat(wanted, `${id}.step${step}.`), 2e-6);
    expectClose(optimizer.state.firstMoment, flat(wanted, `${id}.step${step}.exp_avg.`), 2e-6);
    expectClose(optimizer.state.secondMoment, flat(wanted, `${id}.step${step}.exp_avg_sq.`), 2e-6);
  }
  expect(optimizer.state.steps).toBe(5);
});
