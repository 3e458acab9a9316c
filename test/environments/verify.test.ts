import { expect, test } from "vitest";
import { canVerify, givenBy, score, type VerifierName, verifierNames } from "../../environments/verify.ts";
import { parseChoices } from "../../reasoner/choices.ts";
import { parseAnswer } from "../../reasoner/parse.ts";
import type { Answer } from "../../reasoner/reasoner.ts";

/** A completion with its answer, as the Reasoner reads it. */
function answerOf(text: string, question: string, finishReason: "stop" | "length" = "stop"): Answer {
  const truncated = finishReason === "length";
  const parsed = parseAnswer(text, parseChoices(question), { question, truncated });
  const completion = { tokens: Int32Array.of(), logProbs: Float32Array.of(), text, finishReason };
  return { completion, parsed };
}

/** What a completion's answer to a question scores. */
function scoreOf(
  verifier: VerifierName,
  answer: string,
  truths: string[],
  { question = "what ?", tolerance = 0 } = {},
): number {
  const given = givenBy(answerOf(`<answer>${answer}</answer>`, question));
  return score({ verifier, tolerance }, given, { question, truths });
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
    expect(scoreOf("choice", answer, ["B"], { question })).toBe(1);
  expect(scoreOf("choice", "B", ["dog"], { question })).toBe(1);
  for (const answer of ["A", "cat", "A. dog"]) expect(scoreOf("choice", answer, ["B"], { question })).toBe(0);
});

test("a box is right from an overlap of a half on", () => {
  expect(scoreOf("iou", "[0, 0, 10, 10]", ["[0, 0, 10, 5]"])).toBe(1);
  expect(scoreOf("iou", "[0, 0, 10, 10]", ["[0, 0, 10, 4.9]"])).toBe(0);
});

test("what does not parse scores nothing", () => {
  const given = givenBy(answerOf("<think> still", "what ?"));
  for (const verifier of verifierNames)
    expect(score({ verifier, tolerance: 1 }, given, { question: "what ?", truths: ["", "0"] })).toBe(0);
});

test("an answer that is far longer than a short one is read as it was written", () => {
  const cars = Array.from({ length: 20 }, (_, i) => ({ bbox_2d: [i, 0, i + 1, 10], label: "car" }));
  const text = `\n\`\`\`json\n${JSON.stringify(cars)}\n\`\`\`\n`;
  expect(scoreOf("boxes", text, [JSON.stringify(cars)])).toBe(1);
  expect(scoreOf("boxes", text, [JSON.stringify(cars.slice(10))])).toBeCloseTo(0.7 + 0.3 * 0.75, 12);
  expect(scoreOf("json", text, [JSON.stringify(cars)])).toBe(1);
  const words = Array.from({ length: 60 }, (_, i) => `word${i}`);
  expect(scoreOf("set", words.join(", "), [words.toReversed().join("; ")])).toBe(1);
  const cut = givenBy(answerOf(`<answer>${JSON.stringify(cars)}`, "what ?", "length"));
  const truths = [JSON.stringify(cars)];
  expect(score({ verifier: "json", tolerance: 0 }, cut, { question: "what ?", truths })).toBe(0);
});

test("a number may be off by the tolerance", () => {
  expect(scoreOf("number", "about 1,020 km", ["1000"], { tolerance: 0.02 })).toBe(1);
  expect(scoreOf("number", "1021", ["1000"], { tolerance: 0.02 })).toBe(0);
  expect(scoreOf("number", "1000.0", ["1000"])).toBe(1);
});

test.each<[VerifierName, string, string, string?]>([
  ["equivalent", "a red car", '{"colour": "red"}'],
  ["relaxed", "42", "x".repeat(201)],
  ["anls", "Coca Cola", "x".repeat(201)],
  ["choice", "B", "B", "what is it? (A) cat (B) dog"],
  ["iou", "[0, 0, 1, 1]", "[[0, 0, 1, 1], [2, 2, 3, 3]]"],
  ["boxes", "[[0, 0, 1, 1], [2, 2, 3, 3]]", "a car"],
  ["set", "a, b", " "],
  ["number", "24 cm", "red"],
  ["json", '{"colour": "red"}', "red"],
])("%s can judge answers by %j, and not by %j", (name, fit, unfit, question = "what ?") => {
  expect(canVerify(name, fit, question)).toBe(true);
  expect(canVerify(name, unfit, "what ?")).toBe(false);
});
