import { zip } from "../../common/zip.ts";
import { type PromptTokens, promptTokens } from "../chat/prompt_tokens.ts";
import type { ImageProcessor, ModelConfig, PreparedImage } from "../models/vision_language_model.ts";
import type { Prompt, WeightSet } from "../port.ts";
import type { ImageEncoder } from "./image_encoder.ts";
import type { Learner } from "./learner.ts";
import type { Pause } from "./pause.ts";
import type { EncodedPrompt } from "./prefill.ts";

/** What an encoder of prompts has of its policy. */
export interface PromptTools {
  readonly model: { readonly config: ModelConfig };
  readonly learner: Learner;
  readonly encoder: ImageEncoder;
}

/** What prompts and their images become, as a policy sees them now, and as its reference does. */
export class PromptEncoder {
  readonly #tools: PromptTools;
  readonly #processor: ImageProcessor;
  readonly #referenceViews: Record<string, Float32Array>;

  constructor(tools: PromptTools, processor: ImageProcessor, referenceViews: Record<string, Float32Array>) {
    this.#tools = tools;
    this.#processor = processor;
    this.#referenceViews = referenceViews;
  }

  /** Throws a `VisplayError` of code "images" or "prompt" where the model cannot take the image or the text. */
  tokens({ image, text }: Prompt): PromptTokens {
    const { encoder, model } = this.#tools;
    return promptTokens(text, encoder.prepare(image), this.#processor, model.config);
  }

  async encode(prompts: readonly Prompt[], weights: WeightSet, pause: Pause): Promise<EncodedPrompt[]> {
    const tokens = prompts.map((prompt) => this.tokens(prompt));
    const images = tokens.map(({ image }) => image);
    const rows = await this.imageRows(images, weights, pause);
    return zip(tokens, rows).map(([{ image, prefix, suffix }, imageRows]) => {
      return { prefix, suffix, image: image.shape, imageRows };
    });
  }

  /** The rows of embeddings of each image; equal images have the same array. */
  async imageRows(
    images: readonly PreparedImage[],
    weights: WeightSet,
    pause: Pause,
  ): Promise<Float32Array[]> {
    const { encoder } = this.#tools;
    const rows = await encoder.encode(images, this.views(weights), this.#imageVersion(weights), pause);
    return images.map(({ id }) => rows.get(id) as Float32Array);
  }

  /** The parameters' numbers by their names in graphs. */
  views(weights: WeightSet): Record<string, Float32Array> {
    return weights === "policy" ? this.#tools.learner.views : this.#referenceViews;
  }

  /** Whether updates change what images become. */
  get trainsImages(): boolean {
    return this.#tools.learner.trains("vision", "connector");
  }

  /** Changes whenever encoded images become stale. */
  #imageVersion(weights: WeightSet): string {
    if (!this.trainsImages) return "frozen";
    return weights === "reference" ? "reference" : `${this.#tools.learner.version}`;
  }
}
