import { describe, expect, it } from "vitest";
import { healthOf, healthOfAnswers } from "../../arena/health.ts";
import { entropy } from "../../arena/statistics.ts";

const voted = (...votes: string[]) => votes.map((vote) => ({ outcome: "answered" as const, vote }));
const abstained = { outcome: "abstained" as const, vote: "unanswerable" };
const unparsed = { outcome: "unparsed" as const, vote: null };

it("entropy is that of the distribution, in nats", () => {
  expect(entropy([])).toBe(0);
  expect(entropy([5])).toBe(0);
  expect(entropy([2, 2, 0])).toBeCloseTo(Math.log(2), 12);
  expect(entropy([1, 3])).toBeCloseTo(-0.25 * Math.log(0.25) - 0.75 * Math.log(0.75), 12);
});

describe("the health of a step", () => {
  it("knows the answers: entropy, the commonest majority, failures and abstentions", () => {
    const health = healthOfAnswers([
      { question: "a", answers: [...voted("red", "red", "blue"), unparsed] },
      { question: "b", answers: [...voted("red"), abstained] },
      { question: "c", answers: [abstained, abstained] },
      { question: "d", answers: [unparsed] },
    ]);
    expect(health).toMatchObject({
      distinctAnswers: 3,
      parseFailures: 2 / 9,
      abstentions: 3 / 9,
      // Majorities: red, red (first on a tie), unanswerable, none.
      commonestAnswer: 2 / 3,
      malformedQuestions: null,
      clusterShare: null,
      templateShare: null,
    });
    expect(health.answerEntropy).toBeCloseTo(entropy([3, 1, 3]), 12);
  });

  it("counts a question that is repeated about one image once", () => {
    const one = { question: "what colour ?", answers: voted("red") };
    const other = { question: "what shape ?", answers: voted("square") };
    expect(healthOf([[one, one, one, other]]).commonestAnswer).toBe(1 / 2);
    expect(healthOf([[one], [one], [one], [other]]).commonestAnswer).toBe(3 / 4);
  });

  it("knows the questions: malformed ones, clusters within an image, templates across images", () => {
    const ask = (question: string | null) => ({ question, answers: [] });
    const health = healthOf([
      [
        ask("how many red squares are in the picture ?"),
        ask("how many red squares are in the picture ?"),
        ask(null),
      ],
      [
        ask("How many red circles ?"),
        ask("what stands left of the tree ?"),
        ask("is it day ?"),
        ask("why ?"),
      ],
    ]);
    expect(health.malformedQuestions).toBe(1 / 7);
    // The first image's largest cluster holds all its questions, the second's one of four.
    expect(health.clusterShare).toBeCloseTo((1 + 1 / 4) / 2, 12);
    expect(health.templateShare).toBe(3 / 6);
  });

  it("is null where there was nothing to judge", () => {
    expect(healthOf([])).toEqual({
      ...{ answerEntropy: null, distinctAnswers: 0, commonestAnswer: null, parseFailures: null },
      ...{ abstentions: null, malformedQuestions: null, clusterShare: null, templateShare: null },
      ...{ cutAnswers: null, cutQuestions: null },
    });
  });
});
