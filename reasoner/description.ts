import { piecesOf } from "../common/completion_text.ts";
import type { Completion } from "../policy/port.ts";
import { writtenIn } from "./written.ts";

/** Where in a completion its answer begins, in characters: what stands before describes; the end where there is no answer. */
export function answerStart(text: string): number {
  const lower = text.toLowerCase();
  const marks = ["<answer>", "\\boxed", "\nanswer:"];
  return marks.map((mark) => lower.lastIndexOf(mark)).find((at) => at >= 0) ?? text.length;
}

/**
 * What a completion describes: what it thinks, where it has the tags of that, else all of it; null where it was cut off or
 * is nothing.
 */
export function descriptionIn({
  text,
  finishReason,
}: Pick<Completion, "text" | "finishReason">): string | null {
  if (finishReason === "length") return null;
  const isTagged = piecesOf(text).some(({ kind }) => kind !== "text");
  return (isTagged ? writtenIn(text).chain : text.trim()) || null;
}
