import type { AnswerFormat } from "../common/answer_format.ts";

/** An answer, with the thinking before it if there is any, in a form: the completion that `parseAnswer` reads so. */
export function writeAnswer(format: AnswerFormat, answer: string, thinking: string | null): string {
  switch (format) {
    case "tags":
      return `${thinking === null ? "" : `<think> ${thinking} </think>\n`}<answer> ${answer} </answer>`;
    case "boxed":
      return `${thinking === null ? "" : `${thinking}\n`}\\boxed{${answer}}`;
    case "line":
      return `${thinking === null ? "" : `${thinking}\n`}Answer: ${answer}`;
    case "plain":
      return answer;
  }
}
