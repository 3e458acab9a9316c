/** One option of a multiple-choice question. */
export interface Choice {
  /** What stands for it in votes: "a" to "z", or "(1)", "(2)", … where the options are numbered. */
  readonly label: string;
  readonly text: string;
}

/** A label as it is written: its name in group 1. */
interface Style {
  readonly pattern: RegExp;
  readonly names: string;
}

/** In characters. */
const longest = 4000;

const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const nameClasses = [
  { names: upper, of: "[A-Z]" },
  { names: upper.toLowerCase(), of: "[a-z]" },
  { names: "123456789", of: "[1-9]" },
] as const;

const lineStart = String.raw`(?<=^|\n)[ \t]*(?:[-*•] ?)?`;
/** (A) and [A] · A) · A. and A、 · A: — on a line of its own, and within a line, where less may be taken for one. */
const shapes = (of: string): string[] => [
  String.raw`${lineStart}[(（[]\s?(${of})\s?[)）\]][.:]?`,
  String.raw`${lineStart}(${of})\s?[).、:：]`,
  String.raw`[(（[]\s?(${of})\s?[)）\]][.:]?`,
  String.raw`(?<![\p{L}\p{N}'([（])(${of})[)）]`,
  ...(of === "[1-9]" ? [] : [String.raw`(?<![\p{L}\p{N}'.])(${of})\s?[.、](?!\p{L}\.)`]),
  String.raw`(?<![\p{L}\p{N}'.])(${of})[:：]`,
];
const styles: readonly Style[] = nameClasses.flatMap(({ names, of }) =>
  shapes(of).map((shape) => ({ names, pattern: new RegExp(shape, "gu") })),
);

/**
 * The options that a question offers, [] if none: "(A) cat (B) dog", "A. cat B. dog", "a) cat, or b) dog",
 * "(A)cat(B)dog", "1) cat 2) dog", also behind bullets. Labels are all of one style, run from the first without
 * gaps, at least to the second, and each is followed by a text; of several runs the longest counts, of equally
 * long ones that of letters, of lines, the last. A text of more than 4,000 characters is no question.
 */
export function parseChoices(question: string): Choice[] {
  if (question.length > longest) return [];
  const text = question
    .replace(/\*\*|__/g, "")
    .replace(/\\(?:text|textbf|mathrm|mathbf) ?\{ ?(\([A-Z]\))\s?\}/g, "$1")
    .replace(/\\q?quad\b/g, " ");
  let best: Choice[] = [];
  for (const style of styles) {
    const found = longestRun(text, style);
    if (found.length > best.length) best = found;
  }
  return best;
}

interface Label {
  readonly start: number;
  readonly end: number;
}

function longestRun(text: string, { pattern, names }: Style): Choice[] {
  const runs: Label[][] = [];
  for (const match of text.matchAll(pattern)) {
    const run = runs.at(-1);
    const label = { start: match.index, end: match.index + match[0].length };
    if (match[1] === names[0] && mayBeFirst(text, match)) runs.push([label]);
    else if (run && match[1] === names[run.length] && textBefore(text, run, label.start)) run.push(label);
  }
  return runs.reduce<Choice[]>((best, run) => {
    if (run.length < 2) return best;
    const choices = run.map(({ end }, i) => ({
      label: /\d/.test(names) ? `(${names[i]})` : (names[i] as string).toLowerCase(),
      text: optionText(text.slice(end, run[i + 1]?.start ?? endOfLast(text, end))),
    }));
    const isRun = choices.every((choice) => choice.text !== "");
    return isRun && choices.length >= best.length ? choices : best;
  }, []);
}

/** "P(A)" is no label, nor is "picture A:". */
function mayBeFirst(text: string, { index, 0: label }: RegExpExecArray): boolean {
  const before = text.slice(Math.max(0, index - 20), index);
  return /[:：]$/.test(label)
    ? /(?:^|[^\p{L}\p{N}\s])\s*$|\n$/u.test(before)
    : !/[\p{L}\p{N}]$/u.test(before);
}

function textBefore(text: string, run: readonly Label[], start: number): boolean {
  return text.slice(run.at(-1)?.end, start).trim() !== "";
}

/** The last option ends with its line. */
function endOfLast(text: string, start: number): number {
  const first = start + (/^\s*/.exec(text.slice(start, start + 20))?.[0].length ?? 0);
  const end = text.indexOf("\n", first);
  return end < 0 ? text.length : end;
}

/** An option without what joins it to the next: commas, "or", the bullet of the next line. */
function optionText(text: string): string {
  const isTorn = text.split("$").length % 2 === 0;
  const option = (isTorn ? text.replace(/^\s*\$|\$\s*$/, "") : text)
    .trim()
    .replace(/(?:[\s,;.?]|(?<=\s)[-*•|]|(?<=[\s,;])(?:or|and)(?=[\s,;]*$))+$/, "");
  return /^(?:or|and|[-*•|])$/.test(option) ? "" : option;
}
