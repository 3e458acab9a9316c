import { expect, test } from "vitest";
import { answerFormats } from "../../common/answer_format.ts";
import { parseQuestion } from "../../questioner/parse.ts";
import { writeQuestion } from "../../questioner/write.ts";

test.each(answerFormats)("%s: what is written is well-formed, and read again", (format) => {
  for (const answer of ["4", "a dog", null]) {
    const text = writeQuestion(format, "How many?", answer);
    const read = format === "plain" ? null : answer;
    expect(parseQuestion(text, { format })).toMatchObject({ question: "How many?", answer: read });
  }
  const { format: share } = parseQuestion(writeQuestion(format, "Why?", "so"), { format }) as {
    format: number;
  };
  expect(share).toBe(1);
});
