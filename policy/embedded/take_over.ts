import { sizeOf } from "../../autodiff/tensor_type.ts";
import { modelError } from "../model_files.ts";
import type { ParameterGroup } from "../models/vision_language_model.ts";
import type { PolicyInfo } from "../port.ts";
import { isAdapterFolder, readAdapterConfig } from "../weights/adapter_config.ts";
import { locateParameters } from "../weights/model_weights.ts";
import { readFloats, type TensorPlace } from "../weights/safetensors.ts";
import { type OpenedModel, openWeights } from "./open_weights.ts";
import { storedSteps, writeOptimizer } from "./optimizer_state.ts";

export interface TakeOverOptions {
  /** The folder of the model itself, where the state holds an adapter. */
  readonly base: string;
  /** Whether a parameter group is trained where there are no adapters. */
  readonly trains: (group: ParameterGroup) => boolean;
  /** Optimiser steps that the weights are further on than the state. */
  readonly steps: number;
}

/** How far a parameter may be off that was only rounded, to bfloat16: relative to itself. */
const rounding = 2 ** -8;

/** A state whose weights others trained, ready to be written as `Policy.saveState` does. */
export interface TakenOver {
  info(): Promise<Pick<PolicyInfo, "parameters" | "version">>;
  saveState(folder: string): Promise<void>;
}

/**
 * What `Policy.saveState` left in `state`, with weights of the same model that others trained; its optimiser knows nothing of
 * them, and begins anew. Throws a `VisplayError` of code "model" where they are not of that model, not finite, or of other
 * adapters, or change what is not trained.
 */
export async function takeOver(
  state: string,
  weights: string,
  { base, trains, steps }: TakeOverOptions,
): Promise<TakenOver> {
  await requireSameKind(state, weights);
  const opened = await openWeights(state, { base, trains });
  const { layout } = opened.weights;
  const flat = await opened.weights.read(weights);
  if (!flat.every(Number.isFinite)) throw modelError(weights, "holds numbers that are not finite");
  if (!(await isAdapterFolder(state))) await requireFrozen(opened, state, weights);
  const version = (await storedSteps(state)) + steps;
  const moment = (): Float32Array => new Float32Array(layout.size);
  return {
    info: async () => ({ parameters: layout.size, version }),
    saveState: async (folder) => {
      await opened.weights.write(folder, flat);
      const optimizer = { firstMoment: moment(), secondMoment: moment(), steps: version };
      await writeOptimizer(folder, layout, optimizer);
    },
  };
}

async function requireSameKind(state: string, weights: string): Promise<void> {
  const [had, found] = await Promise.all([state, weights].map(isAdapterFolder));
  if (had !== found) {
    const kinds = (isAdapter: boolean | undefined) => (isAdapter ? "an adapter" : "a whole model");
    throw modelError(weights, `holds ${kinds(found)}; expected ${kinds(had)}, as the run trains it`);
  }
  if (!had) return;
  const [own, other] = await Promise.all([state, weights].map(readAdapterConfig));
  for (const key of ["rank", "alpha", "rankStabilized"] as const)
    if (own?.[key] !== other?.[key])
      throw modelError(
        weights,
        `adapters of ${key} ${other?.[key]}; expected ${own?.[key]}, as the run has them`,
      );
}

/** Throws where parameters that the run does not train are others than before, but for their rounding. */
async function requireFrozen(
  { model, weights: { layout } }: OpenedModel,
  state: string,
  weights: string,
): Promise<void> {
  const frozen = model.parameters.filter(({ name }) => !layout.has(name));
  if (frozen.length === 0) return;
  const [before, after] = await Promise.all(
    [state, weights].map((each) => locateParameters(each, model.parameters)),
  );
  for (const { name, shape } of frozen) {
    const read = (places: ReadonlyMap<string, TensorPlace> | undefined) =>
      readFloats(places?.get(name) as TensorPlace, new Float32Array(sizeOf(shape)));
    const [had, has] = [await read(before), await read(after)];
    if (had.some((value, i) => Math.abs(value - (has[i] as number)) > rounding * Math.abs(value)))
      throw modelError(weights, `${name} was trained; expected it as it was: this run keeps it frozen`);
  }
}
