import { describe, expect, test } from "vitest";
import { Session } from "../../../autodiff/onnx/session.ts";
import { input } from "../../../autodiff/tensor.ts";
import { interleavedAxes, multimodalRotation, sectionedAxes } from "../../../policy/models/mrope.ts";

describe("the axis by which a frequency turns", () => {
  test("section by section", () => {
    expect(sectionedAxes([2, 3, 3])).toEqual([0, 0, 1, 1, 1, 2, 2, 2]);
  });

  test("in turn, and by time when the others' sections are over", () => {
    expect(interleavedAxes([4, 2, 2], 8)).toEqual([0, 1, 2, 0, 1, 2, 0, 0]);
    expect(interleavedAxes([3, 1, 3], 9)).toEqual([0, 1, 2, 0, 0, 2, 0, 0, 2]);
  });

  test("in turn throughout a head that is shorter than the sections", () => {
    expect(interleavedAxes([24, 20, 20], 4)).toEqual([0, 1, 2, 0]);
  });
});

test("a row turns by its positions in time, row and column, each frequency by one of them", async () => {
  const [headDim, theta] = [8, 100];
  const axes = [0, 1, 2, 0];
  const places = [
    [3, 0],
    [5, 1],
    [2, 6],
  ];
  const rotation = { headDim, theta, axes };
  const rotate = multimodalRotation(input("positions", [6], "int64"), 7, rotation);
  const turned = rotate(input("x", [2, 2 * headDim]), 2);
  await using session = await Session.compile({ turned }, { threads: 1 });
  const x = Float32Array.from({ length: 2 * 2 * headDim }, (_, i) => Math.sin(i + 1));
  const result = await session.run({ x, positions: BigInt64Array.from(places.flat(), BigInt) });
  for (let row = 0; row < 2; row++)
    for (let head = 0; head < 2; head++)
      axes.forEach((axis, i) => {
        const angle = (places[axis]?.[row] as number) * theta ** ((-2 * i) / headDim);
        const at = row * 2 * headDim + head * headDim + i;
        const [a, b] = [x[at] as number, x[at + headDim / 2] as number];
        expect(result.turned?.[at]).toBeCloseTo(a * Math.cos(angle) - b * Math.sin(angle), 5);
        expect(result.turned?.[at + headDim / 2]).toBeCloseTo(b * Math.cos(angle) + a * Math.sin(angle), 5);
      });
});
