import { Session } from "../../autodiff/onnx/session.ts";
import { quantizedMatmul } from "../../autodiff/operators/index.ts";
import { constant, input } from "../../autodiff/tensor.ts";

/** Steps of a weight's byte, where products of bytes are exact, and where two of them are added in 16 bits on the way. */
export const byteSteps = { exact: 127, narrow: 63 } as const;

const inner = 64;
let known: Promise<number> | undefined;

/**
 * Steps from 0 to a column's greatest magnitude that this processor multiplies exactly. Those without eight-bit dot products
 * (VNNI, AMX) add pairs of products in 16 bits, where two of the largest do not fit; weights of seven bits do.
 */
export function exactByteSteps(): Promise<number> {
  known ??= (async () => {
    const column = (value: number) => constant(new Int8Array(inner).fill(value), [inner, 1]);
    const product = quantizedMatmul(
      input("x", [1, inner]),
      column(byteSteps.exact),
      constant(Float32Array.of(1), [1]),
    );
    await using session = await Session.compile({ product }, { threads: 1 });
    const { product: found } = await session.run({ x: new Float32Array(inner).fill(byteSteps.exact) });
    const wanted = inner * byteSteps.exact ** 2;
    return Math.abs((found?.[0] ?? 0) - wanted) < 1 ? byteSteps.exact : byteSteps.narrow;
  })();
  return known;
}
