/**
 * When two answers are the same answer: when their canonical forms are equal, so that sameness is reflexive,
 * symmetric and transitive by construction. A wrong merge makes a wrong label, a wrong split only costs a
 * vote; so nothing but decoration is ever cut out of an answer:
 *
 * - **Decoration** goes: white space, quotes, Markdown and LaTeX around it (`\boxed{}`, `\text{}`, `$…$`), "the
 *   answer is", a leading article, closing punctuation, the dots of "p.m.".
 * - **Case** is folded, except in unit symbols that differ by it ("mW", "MW").
 * - **Numbers** are compared by exact value: "1,000" = "1000.0", "1/2" = "0.5", "three" = "3"; "0.33" ≠ "1/3".
 * - **Units** count and are never converted or stripped: "3 cm", "3 m", "3 apples" and "3" differ, "3 cm" = "3
 *   centimetres"; "50%", "50" and "0.5" differ. A unit is only looked for behind a number.
 * - **Options**: "A", "A.", "(A)" and "a)" are the letter. Where the question offers choices and A is "cat", so
 *   are "A. cat", "cat" and "a cat"; "A. dog" is not. Without choices "A. cat" is a text of its own, and "a
 *   cat" is "cat".
 * - **Everything else** is compared word for word: "no", "no dogs" and "no cats" differ.
 */

import type { Choice } from "./choices.ts";
import { undecorated } from "./decoration.ts";
import { leadingNumber } from "./numbers.ts";
import { unitSymbol } from "./units.ts";

/** The form in which answers are compared, "" if nothing is left. It is its own canonical form. */
export function canonicalAnswer(answer: string, choices: readonly Choice[] = []): string {
  const text = undecorated(answer);
  return chosen(text, choices)?.letter ?? folded(text);
}

/** Whether two answers to one question are the same answer. */
export function sameAnswer(a: string, b: string, choices: readonly Choice[] = []): boolean {
  return canonicalAnswer(a, choices) === canonicalAnswer(b, choices);
}

/** The class of all answers that decline to answer. */
export const unanswerable = "unanswerable";

const abstentions: ReadonlySet<string> = new Set([
  unanswerable,
  "not answerable",
  "cannot answer",
  "cannot be answered",
  "cannot determine",
  "cannot be determined",
  "cannot tell",
  "not enough information",
  "insufficient information",
  "i do not know",
]);

/**
 * Whether an answer, or the option that it chooses, declines to answer: "unanswerable", "not answerable",
 * "cannot answer / be answered / determine / be determined / tell", "not enough information", "insufficient
 * information", "I don't know"; also with "it" before, with "can't", or with "from the image" behind. "None" and "unknown" are
 * answers.
 */
export function isAbstention(answer: string, choices: readonly Choice[] = []): boolean {
  const text = undecorated(answer);
  const words = folded(undecorated(chosen(text, choices)?.text ?? text))
    .replace(/\bcan(?: not|'t)\b/, "cannot")
    .replace(/\bdon't\b/, "do not")
    .replace(/^it (?:is )?| from (?:the|this) (?:image|picture)$/g, "");
  return abstentions.has(words);
}

const letter = /^(?:option |choice )?[([]?([a-z])[)\]]?$/i;
const letterAndText = /^(?:option |choice )?[([]?([a-z])(?:[)\].:]+| -) ?(.+)$/i;

function chosen(text: string, choices: readonly Choice[]): Choice | undefined {
  const reads = (choice: Choice, words: string) =>
    folded(undecorated(choice.text)) === folded(undecorated(words));
  const [, labelled, words] = letter.exec(text) ?? letterAndText.exec(text) ?? [];
  const choice = labelled && choices.find((each) => each.letter === labelled.toLowerCase());
  if (choice) return words === undefined || reads(choice, words) ? choice : undefined;
  return choices.find((each) => reads(each, text));
}

function folded(text: string): string {
  return quantity(text) ?? text.toLowerCase().replace(/^[([]?([a-z])[)\]]?$/, "$1");
}

/** "value", "value symbol" or "value words" of a text that starts with a number standing by itself. */
function quantity(text: string): string | null {
  const currency = /^([$€£¥]) ?(?=[\d.])/.exec(text);
  const number = leadingNumber(text.slice(currency?.[0].length ?? 0));
  if (!number || !/^(?:$| ?[\p{L}°%$€£¥'"])/u.test(number.rest)) return null;
  const rest = `${currency?.[1] ?? ""} ${number.rest.trim()}`.trim();
  return `${number.value} ${unitSymbol(rest) ?? rest.toLowerCase()}`.trim();
}
