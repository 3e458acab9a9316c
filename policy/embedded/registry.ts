import type { Size } from "../../images/image.ts";
import { Idefics3Processor, readTiling, tiledSizes } from "../chat/idefics3_processor.ts";
import { capNote, patchGrid, QwenVlProcessor, readPatching } from "../chat/qwen_vl_processor.ts";
import { Tokenizer } from "../chat/tokenizer.ts";
import type { DecoderConfig } from "../models/decoder.ts";
import { idefics3ModelTypes, parseIdefics3Config } from "../models/idefics3_config.ts";
import { type ConfigFiles, readConfigFiles } from "../models/model_config.ts";
import type { QwenVlConfig } from "../models/qwen_vl_config.ts";
import { namesIn, Qwen25Vl } from "../models/qwen2_5_vl.ts";
import { parseQwen25VlConfig, qwen25VlModelTypes } from "../models/qwen2_5_vl_config.ts";
import { Qwen3Vl } from "../models/qwen3_vl.ts";
import { parseQwen3VlConfig } from "../models/qwen3_vl_config.ts";
import { SmolVlm } from "../models/smolvlm.ts";
import { familyError, refuseOwnProgram, refuseQuantized } from "../models/unsupported.ts";
import type { ImageProcessor, VisionLanguageModel } from "../models/vision_language_model.ts";
import { publishedResolution, type Resolution } from "../options.ts";
import { holdsWeights, locateModelWeights, sharesEmbedding } from "../weights/model_weights.ts";
import type { TensorPlace } from "../weights/safetensors.ts";

/** What a model folder holds beside the weights. */
export interface ModelDefinition {
  readonly model: VisionLanguageModel;
  readonly processor: ImageProcessor;
  readonly tokenizer: Tokenizer;
}

/** What a model sees of a picture of some size, and what that costs. */
export interface Sight {
  /** To which the picture is scaled, pixels. */
  readonly size: Size;
  /** Parts that it is cut into, the whole of it included where there are others. */
  readonly tiles: number;
  /** Rows and columns of parts; none where the whole is all that is seen. */
  readonly rows: number;
  readonly columns: number;
  /** Image tokens in the prompt. */
  readonly tokens: number;
}

/** A model folder whose configuration was read. */
export interface ModelFolder {
  /** What of the folder is not taken as it says, in sentences. */
  readonly notes: readonly string[];
  /** Throws a `VisplayError` of code "images" where the model cannot see a picture of that size. */
  picture(size: Size): Sight;
  /** Reads the rest; throws a `VisplayError` of code "model" where something is missing or does not fit. */
  define(): Promise<ModelDefinition>;
}

/** A group of architectures that one definition covers. */
interface ModelFamily {
  /** Their values of `model_type`. */
  readonly modelTypes: readonly string[];
  /** Reads their part of a model folder. */
  read(files: ConfigFiles, weights: Places, resolution: Resolution): Promise<ModelFolder>;
}

type Places = ReadonlyMap<string, TensorPlace>;

const families: readonly ModelFamily[] = [
  {
    modelTypes: idefics3ModelTypes,
    async read({ folder, ...files }, weights, resolution) {
      const { config, notes } = await withStoredHead(
        parseIdefics3Config(files.config, files.generation),
        weights,
      );
      const tiling = await readTiling(folder, config, resolution);
      return {
        notes,
        picture(size) {
          const { tiles, rows, cols, whole } = tiledSizes(size, tiling);
          return { size: whole, tiles, rows, columns: cols, tokens: tiles * config.tileTokens };
        },
        async define() {
          const tokenizer = await Tokenizer.load(folder, config.text.vocabSize);
          const processor = new Idefics3Processor(config, tokenizer, tiling);
          return { model: new SmolVlm(config), processor, tokenizer };
        },
      };
    },
  },
  {
    modelTypes: qwen25VlModelTypes,
    async read({ folder, ...files }, weights, resolution) {
      const { config, notes } = await withStoredHead(
        parseQwen25VlConfig(files.config, files.generation),
        weights,
      );
      const model = () => new Qwen25Vl(config, namesIn([...weights.keys()]));
      return qwenFolder(folder, config, model, resolution, notes);
    },
  },
  {
    modelTypes: ["qwen3_vl"],
    async read({ folder, ...files }, weights, resolution) {
      const { config, notes } = await withStoredHead(
        parseQwen3VlConfig(files.config, files.generation),
        weights,
      );
      return qwenFolder(folder, config, () => new Qwen3Vl(config), resolution, notes);
    },
  },
];

/** The folder of a model of Qwen's, whose processor and tokenizer are the same in all of them. */
async function qwenFolder(
  folder: string,
  config: QwenVlConfig,
  model: () => VisionLanguageModel,
  resolution: Resolution,
  notes: readonly string[],
): Promise<ModelFolder> {
  const patching = await readPatching(folder, config, resolution);
  return {
    notes: [...notes, ...capNote(patching)],
    picture(size) {
      const { height, width } = patchGrid(size, patching);
      const seen = { height: height * patching.patchSize, width: width * patching.patchSize };
      const tokens = (height * width) / config.vision.mergeSize ** 2;
      return { size: seen, tiles: 1, rows: 0, columns: 0, tokens };
    },
    async define() {
      const tokenizer = await Tokenizer.load(folder, config.text.vocabSize);
      return { model: model(), processor: new QwenVlProcessor(config, tokenizer, patching), tokenizer };
    },
  };
}

/**
 * Reads the configuration of a Hugging Face model folder. Throws a `VisplayError` of code "model" if it is missing or
 * broken, or of a kind that is not supported, and "config" where `resolution` does not fit the model.
 */
export async function readModelFolder(
  folder: string,
  resolution: Resolution = publishedResolution,
): Promise<ModelFolder> {
  const files = await readConfigFiles(folder);
  const { config } = files;
  const type = config.get("model_type");
  const family = families.find(({ modelTypes }) => modelTypes.some((known) => known === type));
  if (!family)
    throw familyError(
      config,
      families.flatMap(({ modelTypes }) => modelTypes),
    );
  refuseQuantized(config);
  refuseOwnProgram(config);
  return family.read(files, await placesIn(folder), resolution);
}

/** Where the weights lie; nowhere in a folder that only describes a model whose weights an engine has. */
async function placesIn(folder: string): Promise<Places> {
  return (await holdsWeights(folder)) ? locateModelWeights(folder) : new Map();
}

/** A configuration as its weights have it: the output head that is stored is used where it is not the embedding. */
async function withStoredHead<C extends { readonly text: DecoderConfig }>(
  config: C,
  weights: Places,
): Promise<{ config: C; notes: string[] }> {
  if (!config.text.tieEmbeddings || (await sharesEmbedding(weights))) return { config, notes: [] };
  return {
    config: { ...config, text: { ...config.text, tieEmbeddings: false } },
    notes: [
      "config.json says that the output head is the embedding, but the weights hold a head that differs: that one is used, as in transformers",
    ],
  };
}
