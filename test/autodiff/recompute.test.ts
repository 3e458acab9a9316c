import { expect, test } from "vitest";
import { gradient } from "../../autodiff/gradient.ts";
import { add, matmul, mul, reduceSum, softmax, tanh } from "../../autodiff/operators/index.ts";
import { input, type Tensor, topological } from "../../autodiff/tensor.ts";
import { RandomStream } from "../../common/random.ts";
import { evaluate, expectClose, normal, numbers } from "./check.ts";

const size = 6;
const layers = 4;
const weights = Array.from({ length: layers }, (_, i) => input(`w${i}`, [size, size]));
const random = new RandomStream(3);
const feeds = Object.fromEntries(
  ["x", ...weights.map((_, i) => `w${i}`)].map((name) => [name, normal(size, size).draw(random)]),
);

/** Layers that each add something to their input, and what each starts from. */
function network(): { loss: Tensor; starts: Tensor[] } {
  const starts: Tensor[] = [];
  let x = input("x", [size, size]);
  for (const w of weights) {
    starts.push(x);
    const hidden = tanh(matmul(x, w, {}));
    x = add(x, mul(softmax(hidden), hidden));
  }
  return { loss: reduceSum(mul(x, x), { axes: [0, 1], keepDims: false }), starts };
}

const named = (gradients: readonly Tensor[]) => Object.fromEntries(gradients.map((g, i) => [`g${i}`, g]));

test("gradients are the same", async () => {
  const { loss, starts } = network();
  const kept = await evaluate(named(gradient(loss, weights)), feeds);
  const again = await evaluate(named(gradient(loss, weights, starts)), feeds);
  for (const [name, data] of Object.entries(kept))
    expectClose(again[name] as Float32Array, numbers(data as Float32Array), 1e-6, name);
});

test("a layer is computed again, and not before the gradient of what follows it is known", () => {
  const { loss, starts } = network();
  const forward = new Set(topological([loss]));
  const softmaxes = (outputs: readonly Tensor[]) =>
    topological(outputs).filter(
      ({ source }) => source.kind === "apply" && source.operator.name === "Softmax",
    );
  const kept = gradient(loss, weights);
  const again = gradient(loss, weights, starts);
  expect(softmaxes([loss, ...kept]).length).toBe(layers);
  expect(softmaxes([loss, ...again]).length).toBe(2 * layers - 1);

  // The backward of the first layers holds nothing of their forward but what they start from.
  const [first, second] = starts as [Tensor, Tensor];
  const reached = topological([again[0] as Tensor]);
  const held = reached.filter((x) => forward.has(x) && x.source.kind === "apply");
  const before = new Set(topological([second]));
  expect(held.filter((x) => before.has(x) && x !== first && x !== second)).not.toContain(undefined);
  for (const clone of softmaxes(again).filter((x) => !forward.has(x)))
    expect(topological([clone]).some((x) => !forward.has(x) && x.source.kind === "apply")).toBe(true);
});
