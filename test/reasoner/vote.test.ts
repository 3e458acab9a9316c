import { describe, expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { parseChoices } from "../../reasoner/choices.ts";
import { type ParsedAnswer, parseAnswer } from "../../reasoner/parse.ts";
import { agrees, blindAgreement, imageEvidence, supportOf, type Verdict, vote } from "../../reasoner/vote.ts";

const unparsed = parseAnswer("");
const answer = (text: string): ParsedAnswer => parseAnswer(`<answer> ${text} </answer>`);
const votesOf = (...texts: string[]): Verdict =>
  verdictOf(texts.map((text) => (text === "" ? unparsed : answer(text))));
/** Of answers as they were read. */
const verdictOf = (answers: readonly ParsedAnswer[]): Verdict => vote(answers.map((parsed) => ({ parsed })));

describe("a verdict", () => {
  test("counts equal answers together", () => {
    expect(votesOf("2", "two", "3", "2.")).toEqual({
      silver: "2",
      confidence: 0.75,
      votes: [
        { answer: "2", count: 3 },
        { answer: "3", count: 1 },
      ],
      abstentions: 0,
      parseFailures: 0,
      samples: 4,
      verified: null,
    });
  });

  test("a parse failure is never a vote", () => {
    const verdict = votesOf("", "", "2", "");
    expect(verdict).toMatchObject({ silver: "2", confidence: 1, parseFailures: 3, samples: 4 });
    expect(verdict.votes).toEqual([{ answer: "2", count: 1 }]);
  });

  test("abstentions are votes of one class", () => {
    const verdict = votesOf("unanswerable", "2", "cannot tell", "");
    expect(verdict).toMatchObject({ silver: "unanswerable", abstentions: 2, parseFailures: 1 });
    expect(verdict.confidence).toBeCloseTo(2 / 3, 12);
  });

  test("says how many of its votes a tool verified, where one could be called", () => {
    const ballots = [true, false, true, true].map((verified, i) => ({
      parsed: i === 3 ? unparsed : answer("2"),
      verified,
    }));
    expect(vote(ballots).verified).toBe(2);
    expect(vote(ballots.map(({ parsed }) => ({ parsed, verified: false }))).verified).toBe(0);
    expect(vote(ballots.map(({ parsed }) => ({ parsed }))).verified).toBe(null);
  });

  test("a tie falls to the answer sampled first", () => {
    expect(votesOf("z", "a", "a", "z").silver).toBe("z");
    expect(votesOf("q", "a", "z", "z", "a").votes.map((each) => each.answer)).toEqual(["a", "z", "q"]);
  });

  test("nothing parsed, nothing sampled", () => {
    const none = { silver: null, confidence: 0, votes: [], abstentions: 0, verified: null };
    expect(votesOf("", "")).toEqual({ ...none, parseFailures: 2, samples: 2 });
    expect(vote([])).toEqual({ ...none, parseFailures: 0, samples: 0 });
  });
});

describe("spelling is no uncertainty", () => {
  const counted = (...texts: string[]) => votesOf(...texts).votes.map((each) => [each.answer, each.count]);

  test.each([
    [["24 cm", "24", "24", "24 cm"], [["24 cm", 4]]],
    [
      ["24", "24 centimetres", "25"],
      [
        ["24 cm", 2],
        ["25", 1],
      ],
    ],
    [
      ["24", "24 cm", "24 mm"],
      [
        ["24", 1],
        ["24 cm", 1],
        ["24 mm", 1],
      ],
    ],
    [
      ["50", "50%", "0.5"],
      [
        ["50 %", 2],
        ["0.5", 1],
      ],
    ],
    [["three", "3 apples"], [["3 apples", 2]]],
    [
      ["2", "2D", "2nd", "2 or 3"],
      [
        ["2", 1],
        ["2 D", 1],
        ["2 nd", 1],
        ["2 or 3", 1],
      ],
    ],
    [["A", "A. cat", "cat"], [["a. cat", 3]]],
    [
      ["A", "A. cat", "A. dog"],
      [
        ["a", 1],
        ["a. cat", 1],
        ["a. dog", 1],
      ],
    ],
    [["24", "24 cm", "A. 24 cm"], [["a. 24 cm", 3]]],
  ] as const)("%j", (texts, expected) => expect(counted(...texts)).toEqual(expected));

  test("whatever the order and however often", () => {
    const random = new RandomStream(3);
    const texts = [
      "24",
      "24 cm",
      "24 mm",
      "A",
      "A. 24 cm",
      "24.0",
      "B. 24 mm",
      "red",
      "A. red",
      "B",
      "3",
      "3 m",
    ];
    for (let trial = 0; trial < 300; trial++) {
      const given = Array.from({ length: 1 + random.integer(10) }, () => random.pick(texts));
      const verdict = verdictOf(given.map(answer));
      const sorted = [...given].sort();
      const bySize = (votes: Verdict["votes"]) => [...votes].map((each) => JSON.stringify(each)).sort();
      expect(bySize(verdictOf(sorted.map(answer)).votes)).toEqual(bySize(verdict.votes));
      expect(verdict.votes.reduce((sum, { count }) => sum + count, 0)).toBe(given.length);
      // One answer is in one class, and a class keeps together when more of its members are counted.
      const twice = verdictOf([...given, ...given].map(answer));
      expect(twice.votes).toEqual(verdict.votes.map(({ answer, count }) => ({ answer, count: 2 * count })));
    }
  });

  test("a contradicted letter joins neither the letter nor the text", () => {
    const choices = parseChoices("Which? (A) cat (B) dog");
    const given = ["A", "A. dog", "dog"].map((text) => parseAnswer(`<answer>${text}</answer>`, choices));
    expect(verdictOf(given).votes.map((each) => each.answer)).toEqual(["a", "(a) dog", "b"]);
  });
});

test("agreement with the silver answer", () => {
  expect(agrees(answer("1,000"), "1000")).toBe(true);
  expect(agrees(answer("3"), "3 cm")).toBe(true);
  expect(agrees(answer("3 cm"), "3")).toBe(true);
  expect(agrees(answer("3 mm"), "3 cm")).toBe(false);
  expect(agrees(answer("3"), "13 cm")).toBe(false);
  expect(agrees(answer("cat"), "b. cat")).toBe(true);
  expect(agrees(answer("cannot tell"), "unanswerable")).toBe(true);
  expect(agrees(unparsed, "unanswerable")).toBe(false);
});

test("support: votes for the asker's own answer", () => {
  const verdict = votesOf("2", "two", "3", "unanswerable");
  expect(supportOf(verdict, "how many ?", "Two.")).toBe(2);
  expect(supportOf(verdict, "how many ?", "7")).toBe(0);
  expect(supportOf(verdict, "how many ?", "cannot tell")).toBe(1);
  expect(supportOf(verdict, "how many ?", null)).toBe(0);
  const choice = verdictOf([{ outcome: "answered", answer: "B", canonical: "b", format: 1 }]);
  expect(supportOf(choice, "what ? (A) cat (B) dog", "a dog")).toBe(1);
});

test("blind agreement needs the same majority", () => {
  expect(blindAgreement(votesOf("2", "2", "3"), votesOf("2", "2", "2", "5"))).toBe(0.75);
  expect(blindAgreement(votesOf("2"), votesOf("3"))).toBe(0);
  expect(blindAgreement(votesOf(""), votesOf(""))).toBe(0);
});

test("evidence is how much surer the majority is with the image", () => {
  const sighted = votesOf("2", "2", "2", "3");
  expect(imageEvidence(sighted, votesOf("3", "3"))).toBe(0.75);
  expect(imageEvidence(sighted, votesOf("two", "3"))).toBe(0.25);
  expect(imageEvidence(sighted, votesOf("2", "2"))).toBe(-0.25);
  // Its share, also where another answer is what most say blindly.
  expect(imageEvidence(sighted, votesOf("5", "5", "5", "2"))).toBe(0.5);
  expect(imageEvidence(votesOf("24 cm", "24 cm"), votesOf("24", "7"))).toBe(0.5);
  expect(imageEvidence(sighted, votesOf("", ""))).toBe(0.75);
  expect(imageEvidence(votesOf("unanswerable"), votesOf("unanswerable"))).toBe(0);
  expect(imageEvidence(votesOf(""), votesOf("2"))).toBe(0);
});
