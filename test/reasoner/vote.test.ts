import { describe, expect, test } from "vitest";
import { type ParsedAnswer, parseAnswer } from "../../reasoner/parse.ts";
import { agrees, blindAgreement, supportOf, type Verdict, vote } from "../../reasoner/vote.ts";

const unparsed = parseAnswer("");
const answer = (text: string): ParsedAnswer => parseAnswer(`<answer> ${text} </answer>`);
const votesOf = (...texts: string[]): Verdict =>
  vote(texts.map((text) => (text === "" ? unparsed : answer(text))));

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

  test("a tie falls to the answer sampled first", () => {
    expect(votesOf("z", "a", "a", "z").silver).toBe("z");
    expect(votesOf("q", "a", "z", "z", "a").votes.map((each) => each.answer)).toEqual(["a", "z", "q"]);
  });

  test("nothing parsed, nothing sampled", () => {
    const none = { silver: null, confidence: 0, votes: [], abstentions: 0 };
    expect(votesOf("", "")).toEqual({ ...none, parseFailures: 2, samples: 2 });
    expect(vote([])).toEqual({ ...none, parseFailures: 0, samples: 0 });
  });
});

test("agreement with the silver answer", () => {
  expect(agrees(answer("1,000"), "1000")).toBe(true);
  expect(agrees(answer("3 cm"), "3")).toBe(false);
  expect(agrees(answer("cannot tell"), "unanswerable")).toBe(true);
  expect(agrees(unparsed, "unanswerable")).toBe(false);
});

test("support: votes for the asker's own answer", () => {
  const verdict = votesOf("2", "two", "3", "unanswerable");
  expect(supportOf(verdict, "how many ?", "Two.")).toBe(2);
  expect(supportOf(verdict, "how many ?", "7")).toBe(0);
  expect(supportOf(verdict, "how many ?", "cannot tell")).toBe(1);
  expect(supportOf(verdict, "how many ?", null)).toBe(0);
  const choice = vote([{ outcome: "answered", answer: "B", canonical: "b", format: 1 }]);
  expect(supportOf(choice, "what ? (A) cat (B) dog", "a dog")).toBe(1);
});

test("blind agreement needs the same majority", () => {
  expect(blindAgreement(votesOf("2", "2", "3"), votesOf("2", "2", "2", "5"))).toBe(0.75);
  expect(blindAgreement(votesOf("2"), votesOf("3"))).toBe(0);
  expect(blindAgreement(votesOf(""), votesOf(""))).toBe(0);
});
