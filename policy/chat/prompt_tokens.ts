import { VisplayError } from "../../common/errors.ts";
import type { ImageProcessor, ModelConfig, PreparedImage } from "../models/vision_language_model.ts";

/** A prompt in token ids, split behind its image. */
export interface PromptTokens {
  readonly image: PreparedImage;
  readonly prefix: Int32Array;
  readonly suffix: Int32Array;
}

/**
 * A prompt as a model takes it, split behind its image: after the last image token and the token that closes it. Throws a
 * `VisplayError` of code "prompt" where the text cannot be read, or leaves no room for an answer in the model's context.
 */
export function promptTokens(
  text: string,
  image: PreparedImage,
  processor: ImageProcessor,
  { text: { maxPositions }, imageTokenId }: ModelConfig,
): PromptTokens {
  const ids = idsOf(text, image, processor);
  if (ids.length >= maxPositions)
    throw new VisplayError(
      "prompt",
      `a prompt of ${ids.length} tokens leaves no room for an answer in the model's ${maxPositions}; shorten it, or reduce model.maxPixels`,
    );
  const end = Math.min(ids.lastIndexOf(imageTokenId) + 2, ids.length - 1);
  return { image, prefix: ids.subarray(0, end), suffix: ids.subarray(end) };
}

/** The template was tried when the folder was opened: what fails now is the text's fault. */
function idsOf(text: string, image: PreparedImage, processor: ImageProcessor): Int32Array {
  try {
    return processor.prompt(text, image);
  } catch (cause) {
    throw new VisplayError("prompt", `a prompt that cannot be read: ${(cause as Error).message}`, { cause });
  }
}
