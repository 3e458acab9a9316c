import { Session } from "../autodiff/onnx/session.ts";
import { matmul, slice } from "../autodiff/operators/index.ts";
import { input, type Tensor } from "../autodiff/tensor.ts";
import { sizeOf } from "../autodiff/tensor_type.ts";
import { RandomStream } from "../common/random.ts";
import type { Work } from "./measure.ts";

/** Matrix products one after the other. */
export interface ProductChain extends AsyncDisposable {
  readonly flops: number;
  readonly run: Work;
}

/** Multiplies `rows` rows by matrices [widths[0], widths[1]], [widths[1], widths[2]] …, `repeats` times over. */
export async function productChain(
  rows: number,
  widths: readonly number[],
  repeats: number,
  threads: number,
): Promise<ProductChain> {
  const stream = new RandomStream(0);
  const random = (count: number, deviation: number) =>
    Float32Array.from({ length: count }, () => stream.normal() * deviation);
  const start = input("x", [rows, widths[0] as number]);
  const feeds: Record<string, Float32Array> = { x: random(sizeOf(start.shape), 1) };
  let x: Tensor = start;
  let flops = 0;
  for (let i = 0; i < repeats * (widths.length - 1); i++) {
    const step = i % (widths.length - 1);
    const [from, to] = widths.slice(step, step + 2) as [number, number];
    feeds[`w${i}`] = random(from * to, from ** -0.5);
    x = matmul(x, input(`w${i}`, [from, to]), {});
    flops += 2 * rows * from * to;
  }
  const session = await Session.compile({ y: slice(x, { axis: 0, start: 0, end: 1 }) }, { threads });
  return {
    flops,
    run: () => session.run(feeds),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}
