import { expect, test } from "vitest";
import type { RgbImage } from "../../images/image.ts";
import type { Completion, Policy } from "../../policy/port.ts";
import { textOf } from "../../policy/prompts.ts";
import { Reasoner } from "../../reasoner/reasoner.ts";

const image: RgbImage = { id: "a", width: 1, height: 1, data: new Uint8Array(3) };
const completion = (text: string): Completion => ({
  tokens: new Int32Array(1),
  logProbs: new Float32Array(1),
  text,
  finishReason: "stop",
});
const options = { samples: 2, temperature: 1, topK: 0, topP: 1, maxTokens: 8, seed: 1 };

/** A policy that can only sample. */
function sampling(sample: Policy["sample"]): Policy {
  return { sample } as Policy;
}

test("answers each question m times with the prompt that is trained", async () => {
  const policy = sampling(async (prompts, given) => {
    expect(given).toEqual({ groupSize: 2, temperature: 1, topK: 0, topP: 1, maxTokens: 8, seed: 1 });
    return prompts.map(() => [completion("<think> x </think> <answer> a cat </answer>"), completion("")]);
  });
  const reasoner = new Reasoner(policy, { reasoner: "look: {question}", format: "tags" });
  const questions = ["what ?", "what ? (A) dog (B) cat"].map((question) => ({ image, question }));
  const given = await reasoner.answer(questions, options);
  expect(given.map(({ prompt }) => textOf(prompt))).toEqual(["look: what ?", "look: what ? (A) dog (B) cat"]);
  expect(given.map(({ prompt }) => prompt)).toEqual(questions.map((question) => reasoner.prompt(question)));
  expect(given.map(({ answers }) => answers.map(({ parsed }) => parsed))).toEqual(
    ["cat", "b"].map((canonical) => [
      { outcome: "answered", answer: "a cat", canonical, format: 1 },
      { outcome: "unparsed", reason: "no_answer", format: 0 },
    ]),
  );
});

test("missing completions stop it before answers meet the wrong question", async () => {
  const policy = sampling(async () => [[completion("")]]);
  await expect(new Reasoner(policy).answer([{ image, question: "what ?" }], options)).rejects.toThrow(
    "1 of 2",
  );
});
