import * as ort from "onnxruntime-node";
import { VisplayError } from "../../common/errors.ts";
import { type Device, devices } from "./device.ts";
import { inTurn } from "./turns.ts";
import { OnnxWriter } from "./writer.ts";

const needs: Readonly<Record<Exclude<Device, "cpu">, string>> = {
  webgpu: "it needs a GPU with a driver for Vulkan, Direct3D 12 or Metal",
  cuda:
    "it needs Linux x64, a driver for CUDA 12 with cuDNN 9, and the libraries that " +
    "`ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js` downloads",
  coreml: "it needs macOS",
  dml: "it needs Windows",
};

/** Throws a `VisplayError` of code "config" unless the installed onnxruntime runs graphs on a device. */
export async function requireDevice(device: Device): Promise<void> {
  if (device === "cpu") return;
  const known = ort.listSupportedBackends().map(({ name }) => name);
  if (!known.includes(device)) throw deviceError(device, "this build of onnxruntime does not have it");
  const onnx = new OnnxWriter(device);
  const type = { dtype: "float32", shape: [1] } as const;
  onnx.input("x", type);
  onnx.output("y", onnx.node("Neg", ["x"]), type);
  ort.env.logLevel = "fatal"; // what fails is thrown; it need not be printed too
  try {
    await inTurn(device, async () => {
      const settings = { executionProviders: [device], logSeverityLevel: 4 } as const;
      const session = await ort.InferenceSession.create(onnx.finish().model, settings);
      await session.release();
    });
  } catch (error) {
    throw deviceError(device, (error as Error).message.replace(/^.* was false\. /s, ""), error);
  }
}

function deviceError(device: Exclude<Device, "cpu">, reason: string, cause?: unknown): VisplayError {
  const known = ort
    .listSupportedBackends()
    .map(({ name, bundled }) => (bundled ? name : `${name} (not installed)`));
  const others = known.filter((name) => devices.some((each) => name.startsWith(each) && each !== device));
  const message = `device ${device} cannot be used: ${reason.trim()}; ${needs[device]}. This onnxruntime offers ${others.join(", ")}`;
  return new VisplayError("config", message, { cause });
}
