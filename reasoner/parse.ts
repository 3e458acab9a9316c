import { type AnswerFormat, defaultFormat, formShare } from "../common/answer_format.ts";
import {
  behindThinking,
  isExactly,
  jsonField,
  lastBlock,
  lastBoxed,
  oneLine,
  opensThinking,
  type Piece,
  piecesOf,
  textOf,
  withoutMarkdown,
} from "../common/completion_text.ts";
import { type Evasion, evasionOf } from "../common/evasion.ts";
import type { Choice } from "./choices.ts";
import { canonicalAnswer, isAbstention } from "./equivalence.ts";
import { shortAnswer } from "./short_answer.ts";

/** Why a completion holds no usable answer; "cut" where it was cut off before its answer was whole. */
export type AnswerFailure = "no_answer" | "unclosed" | "cut" | "empty" | "too_long";

/** What a completion holds. Only the first two outcomes are votes; none of the others has a text to mistake for one. */
export type ParsedAnswer = {
  /** How much of the wanted form the completion has, 0 to 1; 0 where there is no answer. */
  readonly format: number;
} & (
  | {
      readonly outcome: "answered";
      /** As written, without the sentence around it, white space collapsed. */
      readonly answer: string;
      /** What is compared: two answers are equal where their canonical forms are. */
      readonly canonical: string;
    }
  | { readonly outcome: "abstained" }
  | { readonly outcome: Evasion }
  | { readonly outcome: "unparsed"; readonly reason: AnswerFailure }
);

/** In characters; a longer answer is no short answer and fails with "too_long". */
const maxAnswerLength = 200;

/** What is known of a completion beside its text. */
export interface AnswerContext {
  readonly question?: string;
  /** What the prompt asked for (default: `defaultFormat`); all formats are read, but only this one is well-formed. */
  readonly format?: AnswerFormat;
  /** Whether the completion was cut off; it then counts only where its answer is closed and nothing follows. */
  readonly truncated?: boolean;
  /** What the prompt itself writes where the answer belongs. */
  readonly placeholders?: readonly string[];
}

/**
 * Reads the answer out of a completion: the last `<answer>` block, else the last `\boxed{}`, a JSON field, a line such as
 * "Answer: 3", or the whole where it is one short sentence; thinking, text around, code fences, bold and capitals are
 * passed over. `choices` are those of the question, if it offers any. Never throws, in time linear in the text's length.
 */
export function parseAnswer(
  text: string,
  choices: readonly Choice[] = [],
  { question, format = defaultFormat, truncated = false, placeholders }: AnswerContext = {},
): ParsedAnswer {
  const found = findAnswer(text);
  if (typeof found === "string") return failure(truncated ? "cut" : found);
  if (truncated && !found.whole) return failure("cut");

  const written = oneLine(found.text);
  const short = written.length <= maxAnswerLength;
  const form = formOf(text, found, format);
  if (short && isAbstention(written, choices)) return { outcome: "abstained", format: form };
  const letter = short ? canonicalAnswer(written, choices) : "";
  const chosen = choices.some((choice) => choice.label === letter);
  const evasion = chosen ? null : evasionOf(written, placeholders);
  if (evasion !== null && !(evasion === "inapplicable" && choices.length > 0)) {
    return { outcome: evasion, format: 0 };
  }
  if (!short) return failure(found.form === "plain" ? "no_answer" : "too_long");
  const answer = chosen ? written : shortAnswer(written, question);
  const canonical = canonicalAnswer(answer, choices);
  if (canonical === "") return failure("empty");
  return { outcome: "answered", answer, canonical, format: form };
}

function failure(reason: AnswerFailure): ParsedAnswer {
  return { outcome: "unparsed", reason, format: 0 };
}

/** Where an answer was found. */
interface Found {
  readonly text: string;
  readonly form: AnswerFormat;
  /** Whether the answer is closed and nothing follows it. */
  readonly whole: boolean;
}

function findAnswer(text: string): Found | AnswerFailure {
  const all = piecesOf(text.includes("&lt;") ? text.replaceAll("&lt;", "<").replaceAll("&gt;", ">") : text);
  const pieces = behindThinking(all);
  const thinks = opensThinking(pieces);
  const block = lastBlock(pieces, "answer");
  if (block && (block.closed || !thinks || startsLine(pieces, block.start))) {
    const boxed = lastBoxed(block.text);
    const whole = block.closed && textOf(pieces.slice(block.end)) === "";
    return { text: boxed?.content ?? block.text, form: "tags", whole };
  }
  const rest = textOf(pieces);
  const boxed = lastBoxed(rest);
  if (boxed) return { text: boxed.content, form: "boxed", whole: /^[\s.$\\)\]]*$/.test(boxed.after) };
  const field = jsonField(rest, ["answer", "final_answer", "choice", "option", "result"]);
  if (field !== null) return { text: field, form: "line", whole: true };
  const plain = withoutMarkdown(rest);
  const line = lastCue(plain);
  if (line !== null) return { text: line, form: "line", whole: false };
  if (thinks) return all === pieces && pieces.at(-1)?.kind === "close" ? "no_answer" : "unclosed";
  return plainAnswer(plain);
}

function startsLine(pieces: readonly Piece[], at: number): boolean {
  const before = pieces[at - 1];
  if (before?.kind !== "text") return true;
  return before.text.slice(before.text.trimEnd().length).includes("\n");
}

const cue =
  /(?:\b(?:answer(?: to the question)?|(?:correct|right|best) (?:option|choice))\b|答案|\bantwort\b|\bréponse\b|\brespuesta\b)\s{0,3}(?:is\b|:|：|=|是)[ \t]{0,3}:?|####/gi;

/** What the last "Answer: …" or "the answer is …" says, up to the end of its sentence; null if nothing says so. */
function lastCue(text: string): string | null {
  const last = [...text.matchAll(cue)].at(-1);
  if (!last) return null;
  const behind = text.slice(last.index + last[0].length, last.index + last[0].length + 2 * maxAnswerLength);
  const line = behind.trim().split("\n", 1)[0] as string;
  // A full stop ends the sentence where a word or number stands before it, and not an abbreviation.
  return /^(.*?(?:[\p{L}]{3}|\d|[)\]"'])[.!])(?:\s|$)/u.exec(line)?.[1] ?? (line || null);
}

/** A whole text that is one short answer, or the last paragraph where that is a few words. */
function plainAnswer(text: string): Found | AnswerFailure {
  if (text === "") return "no_answer";
  if (evasionOf(text) === "refused") return { text, form: "plain", whole: false };
  const paragraphs = text.split(/\n{2,}/);
  const last = (paragraphs.at(-1) as string).trim();
  const bare = paragraphs.length > 1 && !last.includes("\n") && last.split(" ").length <= 6;
  const answer = bare ? last : text;
  const conclusion = /^(?:so|thus|hence|therefore|overall|in conclusion|in total),? (.+)$/i.exec(
    lastLine(text),
  )?.[1];
  if (answer.includes("\n") && conclusion) return { text: conclusion, form: "plain", whole: false };
  if (/[?？]\s*$/.test(answer) || answer.includes("\n")) return "no_answer";
  return { text: answer, form: "plain", whole: false };
}

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf("\n") + 1).trim();
}

/** How much of the wanted form a completion has in which an answer was found. */
function formOf(text: string, { form, whole }: Found, wanted: AnswerFormat): number {
  if (form !== wanted) return formShare.foreign;
  const exact: Record<AnswerFormat, () => boolean> = {
    tags: () => isExactly(text, exactTag, exactTags),
    boxed: () => whole,
    line: () => /^Answer: \S/.test(lastLine(text.trim())),
    plain: () => !/[<\n*`]/.test(text.trim()),
  };
  return exact[wanted]() ? formShare.exact : formShare.forgiven;
}

const exactTag = /(<\/?(?:think|answer)>)/;
/** Optionally thinking before the answer. */
const exactTags = /^(?:<think><\/think>)?<answer><\/answer>$/;
