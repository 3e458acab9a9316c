import type { Choice } from "./choices.ts";
import { canonicalAnswer, isAbstention } from "./equivalence.ts";

/** Why a completion holds no usable answer. */
export type AnswerFailure =
  | "no_answer"
  | "several_answers"
  | "unclosed"
  | "misplaced_tags"
  | "text_outside"
  | "empty"
  | "too_long";

/** Three different outcomes; one that did not parse has no text and can never become a vote. */
export type ParsedAnswer =
  | {
      readonly outcome: "answered";
      /** As written, white space collapsed. */
      readonly answer: string;
      /** What is compared: two answers are equal where their canonical forms are. */
      readonly canonical: string;
    }
  | { readonly outcome: "abstained" }
  | { readonly outcome: "unparsed"; readonly reason: AnswerFailure };

/** In characters; a longer answer is no short answer and fails with "too_long". */
export const maxAnswerLength = 200;

const tag = /(<\/?(?:think|answer)>)/;
const wellFormed = /^(?:<think><\/think>)?<answer><\/answer>$/;

/**
 * Reads a completion of the form `<answer> … </answer>`, optionally with `<think> … </think>` before, and
 * nothing but white space around them. `choices` are those of the question, if it offers any.
 */
export function parseAnswer(text: string, choices: readonly Choice[] = []): ParsedAnswer {
  // Outside, tag, inside, tag, outside, …: with well-formed tags every fourth piece lies outside all blocks.
  const pieces = text.split(tag);
  const tags = pieces.filter((_, i) => i % 2 === 1).join("");
  if (!wellFormed.test(tags)) return unparsed(whyMalformed(tags));
  if (pieces.some((piece, i) => i % 4 === 0 && piece.trim() !== "")) return unparsed("text_outside");

  const answer = (pieces.at(-3) as string).trim().replace(/\s+/g, " ");
  if (answer.length > maxAnswerLength) return unparsed("too_long");
  const canonical = canonicalAnswer(answer, choices);
  if (canonical === "") return unparsed("empty");
  if (isAbstention(answer, choices)) return { outcome: "abstained" };
  return { outcome: "answered", answer, canonical };
}

function unparsed(reason: AnswerFailure): ParsedAnswer {
  return { outcome: "unparsed", reason };
}

function whyMalformed(tags: string): AnswerFailure {
  const openings = tags.split("<answer>").length - 1;
  if (openings > 1) return "several_answers";
  const open = ["think", "answer"].some(
    (name) => tags.split(`<${name}>`).length > tags.split(`</${name}>`).length,
  );
  if (open) return "unclosed";
  return openings === 0 ? "no_answer" : "misplaced_tags";
}
