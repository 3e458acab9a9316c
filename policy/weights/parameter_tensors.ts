import { matmul } from "../../autodiff/operators/index.ts";
import { fileTensor, input } from "../../autodiff/tensor.ts";
import type { FilePlace } from "../../autodiff/tensor_type.ts";
import type { Weights } from "../models/layers.ts";
import type { ParameterSpec } from "../models/vision_language_model.ts";

/** The name of a part of a linear layer's adapter: A [rank, in] or B [out, rank]. */
export function adapterName(layer: string, part: "A" | "B"): string {
  return `${layer}.lora_${part}.weight`;
}

/**
 * Parameters as graph tensors: those that lie in files are mapped, the others are inputs. What is named as a part of
 * an adapter is one, whose product is scaled.
 */
export function parameterTensors(
  specs: readonly Pick<ParameterSpec, "name" | "shape">[],
  mapped: ReadonlyMap<string, FilePlace> = new Map(),
  adapterScale = 1,
): Weights {
  const tensors = new Map(
    specs.map(({ name, shape }) => {
      const place = mapped.get(name);
      return [name, place ? fileTensor(place, shape) : input(name, shape)];
    }),
  );
  const parameter = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new RangeError(`no parameter is named ${name}`);
    return tensor;
  };
  const adapter: Weights["adapter"] = (layer) => {
    const [a, b] = [tensors.get(adapterName(layer, "A")), tensors.get(adapterName(layer, "B"))];
    return a && b && { a, b, scale: adapterScale };
  };
  const products: Weights["products"] = (layers, x, alpha = 1) =>
    layers.map((layer) => matmul(x, parameter(`${layer}.weight`), { transB: true, alpha }));
  return Object.assign(parameter, { adapter, products });
}
