import { join } from "node:path";
import { modelError } from "../model_files.ts";
import type { ParameterLayout } from "../weights/parameters.ts";
import { countNumbers, locateTensors, readFloats, readSafetensors } from "../weights/safetensors.ts";
import { writeSafetensors } from "../weights/safetensors_writer.ts";
import type { OptimizerState } from "./optimizer.ts";

const fileName = "optimizer.safetensors";

/** Writes optimizer.safetensors: both moments of each parameter under its name, and the number of steps. */
export async function writeOptimizer(
  folder: string,
  layout: ParameterLayout,
  { firstMoment, secondMoment, steps }: OptimizerState,
): Promise<void> {
  const tensors = layout.specs.flatMap(({ name, shape }) => [
    [`first_moment.${name}`, { shape, data: layout.view(firstMoment, name) }] as const,
    [`second_moment.${name}`, { shape, data: layout.view(secondMoment, name) }] as const,
  ]);
  const counted = ["steps", { shape: [1], data: Float32Array.of(steps) }] as const;
  await writeSafetensors(join(folder, fileName), new Map([...tensors, counted]));
}

/** The number of steps that `writeOptimizer` wrote: a policy's version. Throws a `VisplayError` of code "model" where it is missing. */
export async function storedSteps(folder: string): Promise<number> {
  const path = join(folder, fileName);
  const place = (await locateTensors(path)).get("steps");
  if (!place) throw modelError(path, "expected steps; found none");
  return (await readFloats(place, new Float32Array(1)))[0] as number;
}

/** The number of parameters whose moments `writeOptimizer` wrote. */
export async function storedParameters(folder: string): Promise<number> {
  return ((await countNumbers(join(folder, fileName))) - 1) / 2;
}

/** What `writeOptimizer` wrote. Throws a `VisplayError` of code "model" where it is missing or does not fit. */
export async function loadOptimizer(folder: string, layout: ParameterLayout): Promise<OptimizerState> {
  const path = join(folder, fileName);
  const stored = await readSafetensors(path);
  const floats = (name: string, length: number): Float32Array => {
    const data = stored.get(name)?.data;
    if (!(data instanceof Float32Array) || data.length !== length)
      throw modelError(path, `expected ${name} with ${length} numbers; found ${data?.length ?? "none"}`);
    return data;
  };
  const moment = (kind: string): Float32Array => {
    const flat = new Float32Array(layout.size);
    for (const { name } of layout.specs) {
      const view = layout.view(flat, name);
      view.set(floats(`${kind}.${name}`, view.length));
    }
    return flat;
  };
  const [steps] = floats("steps", 1);
  return {
    firstMoment: moment("first_moment"),
    secondMoment: moment("second_moment"),
    steps: steps as number,
  };
}
