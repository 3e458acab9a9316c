import { expect, test } from "vitest";
import { firstEstimate, outlook } from "../../cli/outlook.ts";
import { configOf } from "../fakes/config.ts";
import { questionerStep } from "../fakes/run_events.ts";

const config = configOf({
  rounds: 2,
  questioner: { stepsPerRound: 10, imagesPerStep: 4, groupSize: 8, answersPerQuestion: 4, maxTokens: 192 },
  curriculum: { images: 100, questionsPerImage: 2, answersPerQuestion: 8 },
  reasoner: { stepsPerRound: 50, itemsPerStep: 16, groupSize: 8, maxTokens: 512 },
});

test("what a run is going to do, with no more images than there are", () => {
  expect(outlook(config, 50).split("\n")).toEqual([
    "2 rounds, each with",
    "  questioner: 10 steps of 4 images, 8 questions about each, 4 answers to each",
    "  curriculum: 50 images, 2 questions about each, 8 answers to each",
    "  reasoner: at most 50 steps of 16 items, 8 answers to each",
    "  a question has at most 192 tokens, an answer 512",
  ]);
  const untrained = { ...config, questioner: { ...config.questioner, train: false } };
  expect(outlook(untrained, 50)).not.toContain("questioner:");
});

test("a first estimate counts tokens at the pace of the first step", () => {
  // 4 groups of 8 questions of 20 tokens, 30 of them answered 4 times and 2 times blindly with 100 tokens.
  const sampledTokens = 4 * 8 * 20 + 30 * 6 * 100;
  const step = questionerStep({
    groups: 4,
    meanTokens: 20,
    questions: 30,
    sampledTokens,
    durationMs: 18_640,
  });
  // A millisecond each: 10 steps; 200 questions with 8 answers; 50 steps of 16 items with 8 answers.
  expect(firstEstimate(config, 1000, step)).toBe(
    "first estimate: about 33 min 01 s for 2 rounds, without evaluation (a round: questioner 3 min 06 s, curriculum 2 min 44 s, reasoner 10 min 40 s; 1,000 tokens/s in the first step)",
  );
  // Nothing parsed: answers are taken to be as long as they may.
  const mute = questionerStep({
    groups: 4,
    meanTokens: 20,
    questions: 0,
    sampledTokens: 640,
    durationMs: 640,
  });
  expect(firstEstimate(config, 1000, mute)).toContain("reasoner 54 min 37 s");
});
