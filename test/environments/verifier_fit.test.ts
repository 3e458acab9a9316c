import { describe, expect, test } from "vitest";
import { type Judged, watchFit } from "../../environments/verifier_fit.ts";
import type { VerifierName } from "../../environments/verify.ts";

const given = (text: string) => ({ vote: text, text, written: text });

function judged(count: number, truth: (i: number) => string, correctness: (i: number) => number): Judged[] {
  return Array.from({ length: count }, (_, i) => ({
    question: "what ?",
    truths: [truth(i)],
    given: given(`answer ${i}`),
    correctness: correctness(i),
  }));
}

/** What is said of a verifier after some answers, given one part after the other. */
function said(verifier: VerifierName, all: readonly Judged[]): string[] {
  const messages: string[] = [];
  const take = watchFit({ verifier, tolerance: 0 }, (text) => messages.push(text));
  for (let at = 0; at < all.length; at += 30) take(all.slice(at, at + 30));
  return messages;
}

describe("a verifier that does not fit the answers", () => {
  test("is named once a hundred were judged, with an example", () => {
    const words = judged(
      100,
      (i) => (i % 2 ? "a red car" : `${i}`),
      (i) => Number(i % 2 === 0),
    );
    expect(said("number", words)).toEqual([
      'verifier number cannot read the true answers of 50 of the first 100, such as "a red car", to which no answer is right; choose another verifier',
    ]);
    expect(said("number", words.slice(0, 99))).toEqual([]);
  });

  test("may be one that finds nothing right", () => {
    const nothing = judged(
      400,
      (i) => `truth ${i}`,
      () => 0,
    );
    expect(said("equivalent", nothing)).toEqual([
      'verifier equivalent finds none of the first 100 answers right, such as "answer 0" for "truth 0"; if some are, choose another verifier',
    ]);
  });

  test("is none where some are right, and few cannot be read", () => {
    const some = (unread: number) =>
      judged(
        100,
        (i) => (i < unread ? "red" : "1"),
        (i) => Number(i === 99),
      );
    expect(said("number", some(20))).toEqual([]);
    expect(said("number", some(21))).toEqual([expect.stringContaining("21 of the first 100")]);
  });

  test("only the first hundred count", () => {
    const late = [
      ...judged(
        100,
        () => "1",
        () => 1,
      ),
      ...judged(
        900,
        () => "red",
        () => 0,
      ),
    ];
    expect(said("number", late)).toEqual([]);
  });

  test("one true answer of several that can be read is enough", () => {
    const several = judged(
      100,
      () => "red",
      (i) => Number(i === 0),
    ).map((each) => ({
      ...each,
      truths: ["red", "1"],
    }));
    expect(said("number", several)).toEqual([]);
  });
});
