import type { ParameterSpec } from "../models/vision_language_model.ts";

/** Trainable numbers of adapters of a rank beside the linear layers of a text model, its output head aside. */
export function adapterParameters(parameters: readonly ParameterSpec[], rank: number): number {
  return parameters
    .filter(({ name, group, shape }) => group === "text" && shape.length === 2 && /layers\.\d+\./.test(name))
    .reduce((sum, { shape: [rows = 0, columns = 0] }) => sum + rank * (rows + columns), 0);
}
