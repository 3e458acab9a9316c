/** Why a completion holds no usable question. */
export type QuestionFailure =
  | "no_question"
  | "several_questions"
  | "unclosed"
  | "misplaced_tags"
  | "text_outside"
  | "empty"
  | "too_long"
  | "markup";

/** A question ready to be asked, or the reason why there is none; a failure carries no text to mistake for one. */
export type ParsedQuestion =
  | {
      readonly ok: true;
      /** One line, white space collapsed. */
      readonly question: string;
      /** The asker's own answer, if it gave one. */
      readonly answer: string | null;
    }
  | { readonly ok: false; readonly reason: QuestionFailure };

/** In characters; longer texts fail with "too_long". */
export interface QuestionLimits {
  readonly question: number;
  readonly answer: number;
}

export const defaultQuestionLimits: QuestionLimits = { question: 400, answer: 200 };

const tag = /(<\/?(?:think|question|answer)>)/;
const wellFormed = /^(?:<think><\/think>)?<question><\/question>(?:<answer><\/answer>)?$/;

/** Tags such as `<image>` or `<|im_end|>`, which would mean something in the Reasoner's prompt. */
const markup = /<[/|]?[a-z_][^<>]*>/i;

/**
 * Reads a completion of the form `<question> … </question>`, optionally with `<think> … </think>` before and
 * the asker's own `<answer> … </answer>` after, and nothing but white space around them.
 */
export function parseQuestion(text: string, limits: QuestionLimits = defaultQuestionLimits): ParsedQuestion {
  // Outside, tag, inside, tag, outside, …: with well-formed tags every fourth piece lies outside all blocks.
  const pieces = text.split(tag);
  const tags = pieces.filter((_, i) => i % 2 === 1).join("");
  if (!wellFormed.test(tags)) return { ok: false, reason: whyMalformed(tags) };
  if (pieces.some((piece, i) => i % 4 === 0 && piece.trim() !== ""))
    return { ok: false, reason: "text_outside" };

  const inside = (opening: string): string | null => {
    const at = pieces.indexOf(opening);
    return at < 0 ? null : (pieces[at + 1] as string).trim().replace(/\s+/g, " ");
  };
  const question = inside("<question>") as string;
  const answer = inside("<answer>") || null;
  if (!/[\p{L}\p{N}]/u.test(question)) return { ok: false, reason: "empty" };
  if (question.length > limits.question) return { ok: false, reason: "too_long" };
  if (answer !== null && answer.length > limits.answer) return { ok: false, reason: "too_long" };
  if (markup.test(question)) return { ok: false, reason: "markup" };
  return { ok: true, question, answer };
}

function whyMalformed(tags: string): QuestionFailure {
  const openings = tags.split("<question>").length - 1;
  if (openings === 0) return "no_question";
  if (openings > 1) return "several_questions";
  const balanced = ["think", "question", "answer"].every(
    (name) => tags.split(`<${name}>`).length <= tags.split(`</${name}>`).length,
  );
  return balanced ? "misplaced_tags" : "unclosed";
}
