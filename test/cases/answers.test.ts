import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { parseChoices } from "../../reasoner/choices.ts";
import { canonicalAnswer } from "../../reasoner/equivalence.ts";
import { sameVote } from "../../reasoner/vote.ts";

/** Two answers to a question (null: to any), and whether common sense takes them for one. */
interface Pair {
  readonly a: string;
  readonly b: string;
  readonly equal: boolean;
  readonly question: string | null;
  readonly kind: string;
}

/** Answers to one question are compared as its votes are, others by their canonical form. */
function areOne({ a, b, question }: Pair): boolean {
  const choices = question === null ? [] : parseChoices(question);
  const [one, other] = [canonicalAnswer(a, choices), canonicalAnswer(b, choices)];
  return question === null ? one === other : sameVote(one, other);
}

/** From public test suites and recorded outputs; and pairs of every kind that those hold, made for this test. */
const files = ["answers.jsonl", "answers_more.jsonl"];

function pairsOf(file: string): Pair[] {
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test.each(files)("%s: different answers are never merged, equal ones seldom split", (file) => {
  const pairs = pairsOf(file);
  const equal = pairs.filter((pair) => pair.equal);
  const split = equal.filter((pair) => !areOne(pair));
  const different = pairs.filter((pair) => !pair.equal);
  const merged = different.filter(areOne);
  const share = ((100 * split.length) / equal.length).toFixed(1);
  console.info(
    `${file}: ${merged.length} of ${different.length} different answers merged, ${split.length} of ${equal.length} equal ones split (${share}%)`,
  );
  for (const { kind, a, b } of split) console.info(`  split (${kind}): ${JSON.stringify([a, b])}`);
  expect(merged).toEqual([]);
  expect(split.length / equal.length).toBeLessThanOrEqual(0.08);
});

test("every answer's form is its own, under its question and under others", () => {
  const pairs = files.flatMap(pairsOf);
  const questions = [...new Set(pairs.map(({ question }) => question ?? ""))];
  const random = new RandomStream(11);
  for (const { a, b, question } of pairs) {
    for (const asked of [question ?? "", random.pick(questions), random.pick(questions)]) {
      const choices = parseChoices(asked);
      for (const answer of [a, b]) {
        const form = canonicalAnswer(answer, choices);
        expect([asked, answer, canonicalAnswer(form, choices)]).toEqual([asked, answer, form]);
      }
    }
  }
});

test("two answers are one whichever is first", () => {
  const mirrored = ({ a, b, ...rest }: Pair): Pair => ({ ...rest, a: b, b: a });
  for (const pair of files.flatMap(pairsOf)) {
    expect([pair, areOne(mirrored(pair))]).toEqual([pair, areOne(pair)]);
  }
});
