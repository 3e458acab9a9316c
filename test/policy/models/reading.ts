import { type JsonFields, parseModelJson } from "../../../policy/model_files.ts";

/** A reader of configurations that takes them as objects: what stands in config.json, and in generation_config.json. */
export function readerOf<C>(
  parse: (config: JsonFields, generation?: JsonFields) => C,
): (config: unknown, generation?: unknown) => C {
  const file = (name: string, content: unknown) => parseModelJson(name, JSON.stringify(content));
  return (config, generation) =>
    parse(
      file("config.json", config),
      generation === undefined ? undefined : file("generation_config.json", generation),
    );
}

/** The sizes of a text model as its `text_config` has them under Python's names. */
export function decoderSizes(text: Readonly<Record<string, number>>): Record<string, unknown> {
  return {
    hiddenSize: text.hidden_size,
    intermediateSize: text.intermediate_size,
    layers: text.num_hidden_layers,
    heads: text.num_attention_heads,
    kvHeads: text.num_key_value_heads,
    headDim: text.head_dim,
    vocabSize: text.vocab_size,
    rmsNormEps: text.rms_norm_eps,
    maxPositions: text.max_position_embeddings,
  };
}

/** The sizes of a Qwen vision tower as its `vision_config` has them. */
export function towerSizes(vision: Readonly<Record<string, number>>): Record<string, unknown> {
  return {
    hiddenSize: vision.hidden_size,
    intermediateSize: vision.intermediate_size,
    layers: vision.depth,
    heads: vision.num_heads,
    patchSize: vision.patch_size,
    temporalPatchSize: vision.temporal_patch_size,
    mergeSize: vision.spatial_merge_size,
  };
}
