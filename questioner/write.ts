import type { AnswerFormat } from "../common/answer_format.ts";

/** A question, with the asker's own answer where there is one, in a form: the completion that `parseQuestion` reads so. */
export function writeQuestion(format: AnswerFormat, question: string, answer: string | null): string {
  const tagged = `<question> ${question} </question>`;
  switch (format) {
    case "tags":
      return answer === null ? tagged : `${tagged}\n<answer> ${answer} </answer>`;
    case "boxed":
      return answer === null ? tagged : `${tagged}\n\\boxed{${answer}}`;
    case "line":
      return answer === null ? `Question: ${question}` : `Question: ${question}\nAnswer: ${answer}`;
    case "plain":
      return question;
  }
}
