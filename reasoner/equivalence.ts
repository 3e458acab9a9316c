/**
 * When two answers are the same answer: when their canonical forms are equal, so that sameness is reflexive,
 * symmetric and transitive by construction. A wrong merge makes a wrong label, a wrong split only costs a
 * vote; so nothing but decoration is ever cut out of an answer:
 *
 * - **Decoration** goes: white space, quotes, Markdown and LaTeX (`\boxed{}`, `\text{}`, `$…$`), "the answer
 *   is", a leading article (not before a digit: "A 3" is a seat), closing punctuation, the dots of "p.m.".
 * - **Case** is folded, except where it is the meaning: in unit symbols ("mW", "MW"), in expressions ("2R",
 *   "2r"), in genotypes ("FF", "Ff").
 * - **Numbers** are compared by exact value: "1,000" = "1000.0" = "one thousand", "1/2" = "0.5"; "0.33" ≠ "1/3".
 * - **Units** count and are never converted or stripped: "3 cm", "3 m", "3 apples" and "3" differ, "3 cm" = "3
 *   centimetres"; "50%", "50" and "0.5" differ. A unit is only looked for behind a number. (What a vote makes of
 *   "3" beside "3 cm": `./vote.ts`.)
 * - **Expressions** are compared as they are written, whatever their spaces and spelling: "\frac{3\pi}{2}" =
 *   "3π/2"; nothing is calculated. "x = 11" is "11".
 * - **Lists** are compared item by item, in order: "1, 2", "1 and 2", "1 & 2" and "[1, 2]" are one; "(1, 2)" is a
 *   point and "[-1, 2]" may be an interval.
 * - **Options**: "A", "A.", "(A)" and "a)" are the letter. Where the question offers choices and A is "cat", so
 *   are "A. cat", "cat" and "a cat"; "A. dog" is neither. Texts are compared exactly first; where an answer folded
 *   reads as two options ("FF" and "Ff") it is none.
 * - **Everything else** is compared word for word: "no", "no dogs" and "no cats" differ; "isnt" = "isn't", "in the
 *   kitchen" = "in kitchen".
 */

import { declines, unanswerable } from "./abstention.ts";
import type { Choice } from "./choices.ts";
import { longestAnswer, plainCharacters, undecorate } from "./decoration.ts";
import { plainExpression } from "./expression.ts";
import { listText } from "./lists.ts";
import { quantity, withoutUnit } from "./quantity.ts";
import { plainWords } from "./wording.ts";

/** How often a form is read again, until it is its own. */
const maxPasses = 8;

/** The form in which answers are compared, "" if nothing is left. It is its own canonical form. */
export function canonicalAnswer(answer: string, choices: readonly Choice[] = []): string {
  let form = plainCharacters(answer).trim();
  if (form.length > longestAnswer) return form;
  for (let pass = 0; pass < maxPasses; pass++) {
    const next = chosenLabel(form, choices) ?? read(undecorate(form));
    if (next === form) break;
    form = next;
  }
  return form;
}

/**
 * Whether an answer, or the option that it chooses, declines to answer and does nothing else (`declines`).
 */
export function isAbstention(answer: string, choices: readonly Choice[] = []): boolean {
  const form = canonicalAnswer(answer, choices);
  const choice = choices.find(({ label }) => label === form);
  return (choice ? canonicalAnswer(choice.text) : form) === unanswerable;
}

function read(text: string): string {
  return declines(text) ? unanswerable : fold(text);
}

const variable = String.raw`(?:m ?)?[∠△]? ?(?:\p{Lu}{2,3}|\p{L}(?:_?[\p{L}\d]|')?)(?:\(\p{L}\))?`;
/** "x = 11", "∠ABC = 50°": what is left of a variable that was asked for. */
const equation = new RegExp(`^${variable} ?= ?(?=[-+\\d.√π([$€£])([^=<>≤≥≠]+)$`, "u");
const letter = /^[([]?([a-z])[)\]]?$/i;
const letterAndText =
  /^(?:[([]([A-Za-z])[)\]][.:]? ?|([A-Za-z])(?:\)[.:]? ?|\. )|([A-Z]): )(?![+*/^=,&]|(?:and|or) )(.+)$/;

function fold(text: string): string {
  const solution = equation.exec(text)?.[1];
  if (solution) return fold(solution.trim());
  const alone = letter.exec(text)?.[1];
  if (alone) return alone.toLowerCase();
  const [, bracketed, plain, capital, words] = letterAndText.exec(text) ?? [];
  if (words) return `${(bracketed ?? plain ?? capital)?.toLowerCase()}. ${fold(undecorate(words))}`;
  return listText(text, (item) => oneItem(undecorate(item))) ?? oneItem(text);
}

function oneItem(text: string): string {
  return quantity(text) ?? plainExpression(text) ?? letter.exec(text)?.[1]?.toLowerCase() ?? plainWords(text);
}

const choiceLabel = /^(?:option |choice )?(?:[([]([a-z\d])[)\]]|([a-z\d])[)\]]?)[.:]?$/i;
const choiceLabelAndText =
  /^(?:option |choice )?(?:[([]?([a-z])(?:[)\].:]+| -|,(?= ?\p{Script=Han})) ?|[([]?(\d)(?:[)\]][.:]? ?|[.:] ))(.+)$/iu;

/** The label of the option that an answer chooses; null if the question offers none like it. */
function chosenLabel(answer: string, choices: readonly Choice[]): string | null {
  if (choices.length === 0) return null;
  const text = undecorate(answer);
  const asWritten = (option: string) => plainCharacters(option).trim() === answer;
  const plain = (option: string) => undecorate(option) === text;
  return (
    labelByName(text, choices) ??
    labelByText(text, choices, [asWritten, plain]) ??
    labelByBoth(text, choices) ??
    labelByMeaning(answer, text, choices)
  );
}

function choiceNamed(name: string | undefined, choices: readonly Choice[]): Choice | undefined {
  return choices.find(({ label }) => label.replace(/[()]/g, "") === name?.toLowerCase());
}

/** "A", "(a)", "option A"; a bare digit may also be the text of another option, and is then neither. */
function labelByName(text: string, choices: readonly Choice[]): string | null {
  const [, bracketed, bare] = choiceLabel.exec(text) ?? [];
  const choice = choiceNamed(bracketed ?? bare, choices);
  if (!choice) return null;
  const isText = /^\d$/.test(bare ?? "") && choices.some((each) => each !== choice && each.text === bare);
  return isText ? text : choice.label;
}

/** "A. cat"; where A is something else, "(a) cat", which is neither. */
function labelByBoth(text: string, choices: readonly Choice[]): string | null {
  const [, letter, digit, words = ""] = choiceLabelAndText.exec(text) ?? [];
  const labelled = choiceNamed(letter ?? digit, choices);
  if (!labelled) return null;
  const reads = sameOption(canonicalAnswer(words), canonicalAnswer(labelled.text));
  return reads ? labelled.label : `(${letter ?? digit}) ${canonicalAnswer(words)}`.toLowerCase();
}

/** By the canonical form of the option's text; at last by its number alone, where one side lacks a unit. */
function labelByMeaning(answer: string, text: string, choices: readonly Choice[]): string | null {
  const form = canonicalAnswer(answer);
  const number = withoutUnit(form) ?? form;
  const alike = choices.filter((choice) => {
    const option = canonicalAnswer(choice.text);
    return (withoutUnit(option) ?? option) === number;
  });
  const found = labelByText(text, alike, [(option) => canonicalAnswer(option) === form]);
  if (found !== null || alike.length === 0) return found;
  const [choice, another] = alike as [Choice, ...Choice[]];
  if (another) return withoutUnit(form) === null ? text : null;
  return sameOption(canonicalAnswer(choice.text), form) ? choice.label : null;
}

/** The option that the first reading finds; the answer itself, unfolded, where it finds several. */
function labelByText(
  text: string,
  choices: readonly Choice[],
  readings: readonly ((option: string) => boolean)[],
): string | null {
  for (const reads of readings) {
    const [choice, another] = choices.filter((each) => reads(each.text));
    if (choice) return another ? text : choice.label;
  }
  return null;
}

function sameOption(a: string, b: string): boolean {
  return a === b || withoutUnit(a) === b || a === withoutUnit(b);
}
