import type { RgbImage } from "../../images/image.ts";
import { conversationTokens } from "../../policy/chat/conversation.ts";
import type { Tokenizer } from "../../policy/chat/tokenizer.ts";
import type { ImageProcessor, VisionLanguageModel } from "../../policy/models/vision_language_model.ts";
import type { Prompt } from "../../policy/port.ts";
import { imagesIn, promptAbout, textOf } from "../../policy/prompts.ts";

/** What is asked about an image. */
export interface Asked {
  readonly image: RgbImage;
  readonly text: string;
}

/** A prompt's first image, and what it says. */
export function askedIn(prompt: Prompt): Asked {
  return { image: imagesIn(prompt.turns)[0] as RgbImage, text: textOf(prompt) };
}

/** The same prompt about copies of its images, as if they were others. */
export function aboutCopies({ turns }: Prompt, id: (image: RgbImage) => string): Prompt {
  return {
    turns: turns.map((turn) => {
      if (turn.role === "assistant") return turn;
      const parts = turn.parts.map((part) => (typeof part === "string" ? part : { ...part, id: id(part) }));
      return { ...turn, parts };
    }),
  };
}

/** Token ids of questions, as a model's processor and tokenizer have them. */
export function questionIds(
  tokenizer: Tokenizer,
  processor: ImageProcessor,
  model: VisionLanguageModel,
): (text: string, image: RgbImage) => Int32Array {
  const tools = { tokenizer, processor, model, prepare: processor.prepare.bind(processor) };
  return (text, image) => conversationTokens(promptAbout(image, text), tools).ids;
}
