import { describe, expect, test } from "vitest";
import { canonicalAnswer } from "../../reasoner/equivalence.ts";
import { parseAnswer } from "../../reasoner/parse.ts";
import { casesOf } from "./cases.ts";

/** Shapes of completions that public models are known to give, with the answer that is meant; null where there is none. */
const cases = casesOf<{ readonly text: string; readonly answer: string | null }>(
  "reasoner_completions.jsonl",
);

describe("completions of Reasoners are read as they are meant", () => {
  test.each(cases.map(({ text, answer }) => [text, answer]))("%j: %s", (text, answer) => {
    const parsed = parseAnswer(text as string);
    const meant = answer === null ? null : canonicalAnswer(answer as string);
    expect(parsed.outcome === "answered" ? parsed.canonical : null).toBe(meant);
  });

  test("all of them are there", () => expect(cases).toHaveLength(48));
});
