import * as ort from "onnxruntime-node";
import { type Device, devices } from "../../autodiff/onnx/device.ts";
import { emit, type Feeds } from "../../autodiff/onnx/session.ts";
import { externalPath } from "../../autodiff/onnx/writer.ts";
import { type Tensor, topological } from "../../autodiff/tensor.ts";
import type { TensorData } from "../../autodiff/tensor_type.ts";

/** Where the operators' tables run: VISPLAY_TEST_DEVICE where there is such a device, else the CPU. */
export const testDevice: Device = devices.find((name) => name === process.env.VISPLAY_TEST_DEVICE) ?? "cpu";

/** Devices for which a graph is written otherwise than for the CPU, one for each way. */
export function writtenOtherwise(outputs: Readonly<Record<string, Tensor>>): Device[] {
  const known = new Set([Buffer.from(emit(outputs).model).toString("base64")]);
  return devices.filter((device) => {
    const model = Buffer.from(emit(outputs, device).model).toString("base64");
    return !known.has(model) && known.add(model);
  });
}

/** Runs on the CPU a graph that is written for a device, with nothing fused back. */
export async function runAsFor(
  device: Device,
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Feeds,
): Promise<Record<string, TensorData>> {
  const { model, external } = emit(outputs, device);
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: "disabled",
    intraOpNumThreads: 1,
    ...(external ? { externalData: [{ path: externalPath, data: external }] } : {}),
  });
  try {
    const inputs: Record<string, ort.Tensor> = {};
    for (const { source, dtype, shape } of topological(Object.values(outputs)))
      if (source.kind === "input")
        inputs[source.name] = new ort.Tensor(
          dtype as "float32",
          feeds[source.name] as Float32Array,
          shape as number[],
        );
    const results = await session.run(inputs);
    return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as TensorData]));
  } finally {
    await session.release();
  }
}
