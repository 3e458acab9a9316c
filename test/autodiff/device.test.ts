import { describe, expect, test } from "vitest";
import { devices } from "../../autodiff/onnx/device.ts";
import { requireDevice } from "../../autodiff/onnx/require_device.ts";
import { add, classLogProb, logSoftmax, matmul } from "../../autodiff/operators/index.ts";
import { input } from "../../autodiff/tensor.ts";
import { VisplayError } from "../../common/errors.ts";
import { decode } from "./decode.ts";
import { testDevice } from "./devices.ts";

describe("graphs for a device that lacks", () => {
  const a = input("a", [4, 6]);
  const b = input("b", [8, 6]);
  const batch = input("batch", [2, 4, 6]);

  test("FusedMatMul multiply matrices by Gemm", () => {
    const y = matmul(a, b, { transB: true, alpha: 2 });
    expect(decode({ y }).nodes).toEqual(["FusedMatMul"]);
    expect(decode({ y }, "webgpu").nodes).toEqual(["Gemm"]);
  });

  test("FusedMatMul multiply batches by Transpose, MatMul and Mul", () => {
    const y = matmul(batch, b, { transB: true, alpha: 2 });
    expect(decode({ y }, "webgpu").nodes).toEqual(["Transpose", "MatMul", "Mul"]);
    const plain = matmul(batch, input("c", [2, 4, 8]), { transA: true });
    expect(decode({ plain }, "webgpu").nodes).toEqual(["Transpose", "MatMul"]);
  });

  test("LogSoftmax compute it from its parts", () => {
    const y = add(logSoftmax(a), input("w", [4, 6]));
    expect(decode({ y }).nodes).toEqual(["LogSoftmax", "Add"]);
    expect(decode({ y }, "webgpu").nodes).toEqual([..."ReduceMax Sub Exp ReduceSum Log Sub Add".split(" ")]);
    const p = classLogProb(a, input("ids", [4], "int64"));
    expect(decode({ p }, "webgpu").nodes).not.toContain("LogSoftmax");
  });
});

describe("a device", () => {
  test("is the CPU without further ado", async () => {
    await expect(requireDevice("cpu")).resolves.toBeUndefined();
  });

  test.each(devices.filter((device) => device !== "cpu"))(
    "%s is there, or refused with advice",
    async (device) => {
      const error = await requireDevice(device).catch((caught: unknown) => caught);
      if (device === testDevice) expect(error).toBeUndefined();
      if (error === undefined) return;
      expect(error).toBeInstanceOf(VisplayError);
      expect(error).toMatchObject({
        code: "config",
        message: expect.stringMatching(
          new RegExp(`^device ${device} cannot be used: .+; it needs .+\\. This onnxruntime offers .*cpu`),
        ),
      });
    },
  );
});
