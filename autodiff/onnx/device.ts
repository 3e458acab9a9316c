/** Where graphs run: onnxruntime's execution providers by name. */
export const devices = ["cpu", "webgpu", "cuda", "coreml", "dml"] as const;
export type Device = (typeof devices)[number];

/** Operators that not every provider has a kernel for; where one lacks it, graphs are written without. */
export type OptionalOperator = "FusedMatMul" | "LogSoftmax";

/**
 * What providers lack: WebGPU by trial (`session.disable_cpu_ep_fallback`), CUDA and DirectML by onnxruntime's lists
 * of kernels as far as they say; CoreML is taken to have standard operators alone. Whatever else a provider has no kernel for, such as
 * WebGPU for shapes of int64, onnxruntime runs on the CPU.
 */
export const lacking: Readonly<Record<Device, readonly OptionalOperator[]>> = {
  cpu: [],
  webgpu: ["FusedMatMul", "LogSoftmax"],
  cuda: [],
  coreml: ["FusedMatMul", "LogSoftmax"],
  dml: [],
};
