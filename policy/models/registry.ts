import { Tokenizer } from "../tokenizer.ts";
import { locateModelWeights } from "../weights/model_weights.ts";
import { idefics3ModelTypes, parseIdefics3Config } from "./idefics3_config.ts";
import { Idefics3Processor } from "./idefics3_processor.ts";
import { type ConfigFiles, readConfigFiles } from "./model_config.ts";
import { namesIn, Qwen25Vl } from "./qwen2_5_vl.ts";
import { parseQwen25VlConfig, qwen25VlModelTypes } from "./qwen2_5_vl_config.ts";
import { Qwen25VlProcessor } from "./qwen2_5_vl_processor.ts";
import { SmolVlm } from "./smolvlm.ts";
import type { ImageProcessor, VisionLanguageModel } from "./vision_language_model.ts";

/** What a model folder holds beside the weights. */
export interface ModelDefinition {
  readonly model: VisionLanguageModel;
  readonly processor: ImageProcessor;
  readonly tokenizer: Tokenizer;
}

/** A group of architectures that one definition covers. */
interface Family {
  /** Their values of `model_type`. */
  readonly modelTypes: readonly string[];
  /** Reads their part of a model folder; throws a `VisplayError` of code "model" where something does not fit. */
  define(files: ConfigFiles): Promise<ModelDefinition>;
}

const families: readonly Family[] = [
  {
    modelTypes: idefics3ModelTypes,
    async define({ folder, ...files }) {
      const config = parseIdefics3Config(files.config, files.generation);
      const tokenizer = await Tokenizer.load(folder, config.text.vocabSize);
      const processor = await Idefics3Processor.load(folder, config, tokenizer);
      return { model: new SmolVlm(config), processor, tokenizer };
    },
  },
  {
    modelTypes: qwen25VlModelTypes,
    async define({ folder, ...files }) {
      const config = parseQwen25VlConfig(files.config, files.generation);
      const tokenizer = await Tokenizer.load(folder, config.text.vocabSize);
      const processor = await Qwen25VlProcessor.load(folder, config, tokenizer);
      const names = namesIn([...(await locateModelWeights(folder)).keys()]);
      return { model: new Qwen25Vl(config, names), processor, tokenizer };
    },
  },
];

/**
 * Reads a Hugging Face model folder, all but the weights. Throws a `VisplayError` of code "model" if it is missing or
 * broken, or if its `model_type` is none that is known.
 */
export async function readModelDefinition(folder: string): Promise<ModelDefinition> {
  const files = await readConfigFiles(folder);
  const known = families.flatMap(({ modelTypes }) => modelTypes);
  const type = files.config.oneOf("model_type", known);
  const family = families.find(({ modelTypes }) => modelTypes.includes(type)) as Family;
  return family.define(files);
}
