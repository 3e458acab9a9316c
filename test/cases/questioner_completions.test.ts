import { describe, expect, test } from "vitest";
import { parseQuestion } from "../../questioner/parse.ts";
import { casesOf } from "./cases.ts";

/** Shapes of completions that public models are known to give, and whether they hold a question to be asked. */
const cases = casesOf<{ readonly text: string; readonly question: boolean }>("questioner_completions.jsonl");

describe("completions of Questioners are read as they are meant", () => {
  test.each(cases.map(({ text, question }) => [text, question]))("%j: %s", (text, question) => {
    expect(parseQuestion(text as string).ok).toBe(question);
  });

  test("all of them are there", () => expect(cases).toHaveLength(18));
});
