import { type AnswerFormat, defaultFormat, formShare } from "../common/answer_format.ts";
import {
  behindThinking,
  isExactly,
  jsonField,
  lastBlock,
  lastBoxed,
  oneLine,
  opensThinking,
  piecesOf,
  textOf,
  withoutMarkdown,
} from "../common/completion_text.ts";
import { evasionOf } from "../common/evasion.ts";

/** Why a completion holds no usable question; "cut" where it was cut off before its question was whole. */
export type QuestionFailure =
  | "no_question"
  | "unclosed"
  | "cut"
  | "empty"
  | "too_long"
  | "markup"
  | "placeholder"
  | "refused";

/** A question ready to be asked, or the reason why there is none; a failure carries no text to mistake for one. */
export type ParsedQuestion =
  | {
      readonly ok: true;
      /** One line, white space collapsed. */
      readonly question: string;
      /** The asker's own answer, if it gave one. */
      readonly answer: string | null;
      /** How much of the wanted form the completion has, 0 to 1. */
      readonly format: number;
    }
  | { readonly ok: false; readonly reason: QuestionFailure };

/** In characters; longer texts fail with "too_long". */
const longest = { question: 400, answer: 200 } as const;

/** What is known of a completion beside its text. */
export interface QuestionContext {
  /** What the prompt asked for (default: `defaultFormat`); all formats are read, but only this one is well-formed. */
  readonly format?: AnswerFormat;
  /** Whether the completion was cut off; it then counts only where its last block is closed and nothing follows. */
  readonly truncated?: boolean;
  /** What the prompt itself writes where the question belongs. */
  readonly placeholders?: readonly string[];
}

/** What means something in a chat template or in a form of this trainer; "<b>" and "a < b" are part of a question. */
const markup =
  /<\|[^<>\s]{1,40}\|?>|<\/s>|<\/?[a-z]+(?:[_-][a-z\d]+)+>|<\/?(?:s|pad|bos|eos|unk|image|img|video|audio|think|thinking|question|answer|type)>/i;

/**
 * Reads the question, and the asker's own answer where there is one, out of a completion: the last `<question>` block
 * with what follows it, else a line such as "Question: …", JSON, or the last question that the text asks; thinking, text
 * around, code fences, bold and capitals are passed over. Never throws, in time linear in the text's length.
 */
export function parseQuestion(
  text: string,
  { format = defaultFormat, truncated = false, placeholders }: QuestionContext = {},
): ParsedQuestion {
  const found = findQuestion(text);
  if (typeof found === "string") return failure(truncated ? "cut" : found);
  if (truncated && !found.whole) return failure("cut");

  const question = oneLine(found.question);
  const answer = (found.answer && oneLine(found.answer)) || null;
  if (!/[\p{L}\p{N}]/u.test(question)) return failure("empty");
  const evasion = evasionOf(question, placeholders);
  if (evasion === "refused") return failure("refused");
  // "Y" is VisPlay's placeholder, braces are R-Zero's.
  if (evasion !== null || /^[XYZ]$|^[[{].*[\]}]$/.test(question)) return failure("placeholder");
  if (question.length > longest.question) return failure("too_long");
  if (answer !== null && answer.length > longest.answer) return failure("too_long");
  if (markup.test(question)) return failure("markup");
  const own = answer !== null && evasionOf(answer, placeholders) === null ? answer : null;
  return { ok: true, question, answer: own, format: formOf(text, found, format) };
}

function failure(reason: QuestionFailure): ParsedQuestion {
  return { ok: false, reason };
}

/** Where a question was found, and its own answer. */
interface Found {
  readonly question: string;
  readonly answer: string | null;
  readonly form: AnswerFormat;
  /** Whether what was found last is closed, and nothing follows it. */
  readonly whole: boolean;
}

function findQuestion(text: string): Found | QuestionFailure {
  const pieces = behindThinking(piecesOf(text));
  const block = lastBlock(pieces, "question");
  if (block) {
    const behind = pieces.slice(block.end);
    const own = lastBlock(behind, "answer");
    const rest = textOf(behind);
    const boxed = own ? null : lastBoxed(rest);
    const answer = own?.text ?? boxed?.content ?? ownAnswer(rest)?.answer ?? null;
    const closed = own ? own.closed && textOf(behind.slice(own.end)) === "" : (boxed?.after ?? rest) === "";
    return { question: block.text, answer, form: boxed ? "boxed" : "tags", whole: block.closed && closed };
  }
  const thinks = opensThinking(pieces);
  if (pieces.some((piece) => piece.kind === "open" && piece.name === "answer")) return "no_question";
  const rest = textOf(pieces);
  const field = jsonField(rest, ["question"]);
  if (field !== null)
    return { question: field, answer: jsonField(rest, ["answer"]), form: "line", whole: true };
  const plain = withoutMarkdown(rest);
  const line = lastQuestionLine(plain);
  if (line) return { ...line, form: "line", whole: false };
  if (thinks) return pieces.at(-1)?.kind === "close" ? "no_question" : "unclosed";
  if (evasionOf(plain) === "refused") return "refused";
  const asked = lastQuestionIn(plain);
  return asked === null ? "no_question" : { question: asked, answer: null, form: "plain", whole: false };
}

/** Behind "Answer:", where a line begins with that, or is that; "A:" is one only behind "Q:". */
function ownAnswer(
  text: string,
  name = "(?:\\w{1,12} )?answer",
): { readonly answer: string; readonly start: number } | null {
  const line = `^[ \\t]{0,3}(?:\\d{1,2}[.)] )?${name}[ \\t]{0,3}(?:[:：]\\s{0,3}|\\n)(\\S[^\\n]*)`;
  const found = new RegExp(line, "im").exec(text);
  return found && { answer: found[1] as string, start: found.index };
}

const questionLine =
  /^[ \t]{0,3}(?:\d{1,2}[.)] )?(?:(q)|(?:\w{1,12} )?question(?: \d{1,2})?)[ \t]{0,3}(?:[:：]|\n(?=\S))/gim;

/** What stands behind the last "Question:" at a line's beginning, up to its "Answer:" or an empty line. */
function lastQuestionLine(text: string): Pick<Found, "question" | "answer"> | null {
  const last = [...text.matchAll(questionLine)].at(-1);
  if (!last) return null;
  const behind = text.slice(last.index + last[0].length).trim();
  const own = ownAnswer(behind, last[1] && "a");
  const question = behind.slice(0, own?.start).split(/\n[ \t]*\n/, 1)[0] as string;
  return question.trim() === "" ? null : { question, answer: own?.answer ?? null };
}

/** The last sentence of a text that ends with a question mark, with the options that follow it. */
function lastQuestionIn(text: string): string | null {
  const line = text.split("\n").findLastIndex((each) => /[?？]/.test(each));
  if (line < 0) return null;
  const lines = text.split("\n");
  const asking = lines[line] as string;
  const end = Math.max(asking.lastIndexOf("?"), asking.lastIndexOf("？")) + 1;
  const before = [
    ...asking.slice(0, end - 1).matchAll(/[.!?:。！？：]["')\]]{0,2}(?:\s|(?<=[。！？：]))/g),
  ].at(-1);
  const sentence = asking.slice(before ? before.index + before[0].length : 0, end).replace(/^["'(\s]+/, "");
  const behind = [asking.slice(end), ...lines.slice(line + 1)].join("\n").trim();
  const options = /^[([]?A[).:\]]\s?\S/i.test(behind) ? ` ${behind.split(/\n[ \t]*\n/, 1)[0]}` : "";
  return sentence.length > 1 ? `${sentence}${options}` : null;
}

/** How much of the wanted form a completion has in which a question was found. */
function formOf(text: string, { form, answer, whole }: Found, wanted: AnswerFormat): number {
  if (form !== wanted) return formShare.foreign;
  const lines = text.trim().split("\n");
  const exact: Record<AnswerFormat, () => boolean> = {
    tags: () => isExactly(text, exactTag, exactTags),
    boxed: () => whole && answer !== null,
    line: () =>
      lines.length === 2 && /^Question: \S/.test(lines[0] ?? "") && /^Answer: \S/.test(lines[1] ?? ""),
    plain: () => lines.length === 1 && /^[^<*`]*[?？]$/.test(lines[0] ?? ""),
  };
  return exact[wanted]() ? formShare.exact : formShare.forgiven;
}

const exactTag = /(<\/?(?:think|type|question|answer)>)/;
/** Optionally thinking and VisPlay's type before the question, and the asker's own answer after. */
const exactTags = /^(?:<think><\/think>)?(?:<type><\/type>)?<question><\/question>(?:<answer><\/answer>)?$/;
