import { sizeOf } from "../autodiff/tensor_type.ts";
import { locateModelWeights } from "../policy/weights/model_weights.ts";
import { readFloats } from "../policy/weights/safetensors.ts";

/** The weights of a model folder, by name. */
export async function readModelWeights(
  folder: string,
): Promise<Map<string, { shape: readonly number[]; data: Float32Array }>> {
  const weights = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, place] of await locateModelWeights(folder)) {
    const { shape } = place;
    weights.set(name, { shape, data: await readFloats(place, new Float32Array(sizeOf(shape))) });
  }
  return weights;
}
