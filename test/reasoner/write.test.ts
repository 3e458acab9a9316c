import { expect, test } from "vitest";
import { answerFormats } from "../../common/answer_format.ts";
import { parseAnswer } from "../../reasoner/parse.ts";
import { writeAnswer } from "../../reasoner/write.ts";

test.each(answerFormats)("%s: what is written is well-formed, and read again", (format) => {
  for (const thinking of ["One and one.", null]) {
    for (const answer of ["4", "a dog", "5 > 3"]) {
      const parsed = parseAnswer(writeAnswer(format, answer, thinking), [], { format });
      expect(parsed).toMatchObject({ outcome: "answered", answer, format: 1 });
    }
  }
});
