import { expect, test } from "vitest";
import { givenBy, score } from "../../arena/verify.ts";
import { blank } from "../../images/image.ts";
import { parseChoices } from "../../reasoner/choices.ts";
import { parseAnswer } from "../../reasoner/parse.ts";

const image = blank({ id: "", width: 1, height: 1, data: new Uint8Array(3) });

/** What a completion's answer to a question scores. */
function scoreOf(
  verifier: Parameters<typeof score>[0],
  answer: string,
  truths: string[],
  question = "what ?",
): number {
  const parsed = parseAnswer(`<answer>${answer}</answer>`, parseChoices(question), { question });
  return score(verifier, givenBy(parsed), { name: "", image, question, truths, group: null });
}

test("any of the true answers is right, and the best one counts", () => {
  expect(scoreOf("equivalent", "twenty-four", ["23", "24 cm"])).toBe(1);
  expect(scoreOf("equivalent", "24 mm", ["23", "24 cm"])).toBe(0);
  expect(scoreOf("anls", "coca-cola", ["pepsi", "Coca Cola"])).toBeCloseTo(8 / 9, 12);
  expect(scoreOf("relaxed", "104", ["10", "100"])).toBe(1);
  expect(scoreOf("relaxed", "106", ["10", "100"])).toBe(0);
});

test("an abstention is right where nothing can be said", () => {
  expect(scoreOf("equivalent", "I cannot tell from the image", ["unanswerable"])).toBe(1);
  expect(scoreOf("equivalent", "I cannot tell from the image", ["3"])).toBe(0);
});

test("an option is chosen by its letter, its text, or both", () => {
  const question = "what is it? (A) cat (B) dog";
  for (const answer of ["B", "(b)", "dog", "B. dog"])
    expect(scoreOf("choice", answer, ["B"], question)).toBe(1);
  expect(scoreOf("choice", "B", ["dog"], question)).toBe(1);
  for (const answer of ["A", "cat", "A. dog"]) expect(scoreOf("choice", answer, ["B"], question)).toBe(0);
});

test("a box is right from an overlap of a half on", () => {
  expect(scoreOf("iou", "[0, 0, 10, 10]", ["[0, 0, 10, 5]"])).toBe(1);
  expect(scoreOf("iou", "[0, 0, 10, 10]", ["[0, 0, 10, 4.9]"])).toBe(0);
});

test("what does not parse scores nothing", () => {
  expect(score("anls", null, { name: "", image, question: "what ?", truths: [""], group: null })).toBe(0);
});
