import type { RgbImage } from "../images/image.ts";
import type { Prompt, ReadTurn, Turn, TurnPart } from "./port.ts";

/** A prompt to which the policy has said nothing yet. */
export interface FirstPrompt extends Prompt {
  readonly turns: readonly ReadTurn[];
}

/** A user's turn: an image, and what is said about it. */
export function promptAbout(image: RgbImage, text: string): FirstPrompt {
  return { turns: [{ role: "user", parts: [image, text] }] };
}

/** A user's turn of text alone. */
export function promptOf(text: string): Prompt {
  return { turns: [{ role: "user", parts: [text] }] };
}

/** The images of some turns, in order. */
export function imagesIn(turns: readonly Turn[]): RgbImage[] {
  return turns.flatMap((turn) => (turn.role === "assistant" ? [] : turn.parts.filter(isImagePart)));
}

/** What is said in a prompt, without images and the policy's own turns; a line for each turn. */
export function textOf({ turns }: Prompt): string {
  const said = turns.flatMap((turn) =>
    turn.role === "assistant" ? [] : [turn.parts.filter((part) => typeof part === "string").join("")],
  );
  return said.join("\n");
}

export function isImagePart(part: TurnPart): part is RgbImage {
  return typeof part !== "string";
}
